DROP INDEX redirect_uris_origin;
ALTER TABLE redirect_uris DROP COLUMN origin;
