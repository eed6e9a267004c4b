-- The origin of an https redirect URI, as browsers send it: cross-origin requests of public clients are looked up by it.
ALTER TABLE redirect_uris ADD COLUMN origin TEXT;
-- Host and port: up to the path or the query, without the default port.
UPDATE redirect_uris
SET origin = 'https://' || lower(substr(uri, 9, min(instr(substr(uri, 9) || '/', '/'), instr(substr(uri, 9) || '?', '?')) - 1))
WHERE uri LIKE 'https://%';
UPDATE redirect_uris SET origin = substr(origin, 1, length(origin) - 4) WHERE origin LIKE '%:443';
CREATE INDEX redirect_uris_origin ON redirect_uris (origin, client_id);
