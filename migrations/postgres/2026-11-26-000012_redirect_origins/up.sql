-- The origin of an https redirect URI, as browsers send it: cross-origin requests of public clients are looked up by it.
ALTER TABLE redirect_uris ADD COLUMN origin TEXT COLLATE "C";
-- Host and port: up to the path or the query, without the default port.
UPDATE redirect_uris SET origin = regexp_replace(lower(substring(uri FROM '^https://[^/?]+')), ':443$', '')
WHERE uri LIKE 'https://%';
CREATE INDEX redirect_uris_origin ON redirect_uris (origin, client_id);
