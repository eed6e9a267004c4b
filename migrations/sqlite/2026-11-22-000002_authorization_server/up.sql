-- The registration of a client beyond its name and website.
ALTER TABLE clients ADD COLUMN publicly_distributed BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE clients ADD COLUMN requires_pkce BOOLEAN NOT NULL DEFAULT TRUE;
-- Seconds after which a grant expires regardless of refreshes; empty for never.
ALTER TABLE clients ADD COLUMN grants_end_after BIGINT;
ALTER TABLE clients ADD COLUMN contact_name TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN contact_email TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN contact_phone TEXT NOT NULL DEFAULT '';
-- The name, at that time, of the employee who did it.
ALTER TABLE clients ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN admitted_by TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN suspended_by TEXT NOT NULL DEFAULT '';

CREATE TABLE redirect_uris (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id BIGINT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    uri TEXT NOT NULL,
    UNIQUE (client_id, uri)
);

-- The newest secret of a client never expires; a previous one expires after the overlap chosen at its replacement.
CREATE TABLE client_secrets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id BIGINT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0,
    expires_at BIGINT NOT NULL
);
CREATE INDEX client_secrets_client ON client_secrets (client_id, id);

CREATE TABLE resource_servers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resource_server_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at BIGINT NOT NULL,
    secret_created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0
);

-- Kept for a while after use, so that authorization code reuse can revoke the tokens issued from it.
CREATE TABLE authorization_codes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id BIGINT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    employee_id BIGINT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    scope TEXT NOT NULL,
    -- As in the authorization request; empty if it had none.
    redirect_uri TEXT,
    -- S256; empty if the request had none.
    code_challenge TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    redeemed_at BIGINT,
    refresh_token_id BIGINT REFERENCES refresh_tokens (id) ON DELETE CASCADE
);
CREATE INDEX authorization_codes_client ON authorization_codes (client_id);
CREATE INDEX authorization_codes_employee ON authorization_codes (employee_id);
CREATE INDEX authorization_codes_refresh_token ON authorization_codes (refresh_token_id);
CREATE INDEX authorization_codes_expires ON authorization_codes (expires_at);

-- Requests that the token endpoint refused; no token or secret is stored.
CREATE TABLE token_failures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id BIGINT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    grant_type TEXT NOT NULL,
    error TEXT NOT NULL,
    hint TEXT NOT NULL,
    peer TEXT NOT NULL
);
CREATE INDEX token_failures_client ON token_failures (client_id, id);
CREATE INDEX token_failures_at ON token_failures (at);

-- Number of token pairs issued for the newest generation, and the client IP.
ALTER TABLE refresh_tokens ADD COLUMN pairs BIGINT NOT NULL DEFAULT 1;
ALTER TABLE refresh_tokens ADD COLUMN rotated_from TEXT NOT NULL DEFAULT '';
CREATE INDEX refresh_token_values_expires ON refresh_token_values (expires_at);
-- Finds a revoked token by its first characters.
CREATE INDEX activity_subject_name ON activity (subject_name, id);
