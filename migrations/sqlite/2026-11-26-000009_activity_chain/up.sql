-- The seals of the activity log are made with a key from now on. One row.
CREATE TABLE activity_chain (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    -- Encrypted with a key derived from the secret key; the first start after the migration creates it.
    key BLOB,
    -- Seals up to this number are SHA-256 without a key; the last of them.
    keyed_from BIGINT NOT NULL DEFAULT 0,
    keyed_from_seal BLOB NOT NULL DEFAULT x'',
    -- What was archived: the number and the seal of the last entry.
    archived_number BIGINT NOT NULL DEFAULT 0,
    archived_seal BLOB NOT NULL DEFAULT x'',
    -- HMAC of the four columns above.
    mac BLOB NOT NULL DEFAULT x''
);
INSERT INTO activity_chain (id) VALUES (1);

-- HMAC of the entry, written by the transaction that recorded it.
ALTER TABLE activity_unsealed ADD COLUMN mac BLOB NOT NULL DEFAULT x'';
-- When the server refused to seal it, because the HMAC is not that of the entry.
ALTER TABLE activity_unsealed ADD COLUMN refused_at BIGINT;
