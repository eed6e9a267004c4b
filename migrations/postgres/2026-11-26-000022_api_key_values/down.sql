DROP INDEX access_tokens_previous_hash;
ALTER TABLE access_tokens DROP COLUMN rotated_at;
ALTER TABLE access_tokens DROP COLUMN previous_expires_at;
ALTER TABLE access_tokens DROP COLUMN previous_hash;
