-- Requests of the admin API with an Idempotency-Key: a repeat within a day gets the same answer.
CREATE TABLE idempotency_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    api_token_id BIGINT NOT NULL REFERENCES api_tokens (id) ON DELETE CASCADE,
    key_hash BLOB NOT NULL CHECK (length(key_hash) = 32),
    -- Of the method, the address and the body.
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
    -- The HTTP status of the answer; NULL while the request is in progress.
    status INTEGER,
    -- Sealed, because it may hold a new secret.
    answer BLOB,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX idempotency_keys_key ON idempotency_keys (api_token_id, key_hash);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
