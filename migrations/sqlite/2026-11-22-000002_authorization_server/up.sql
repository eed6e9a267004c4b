-- What a client registers, beyond its name and website.
ALTER TABLE clients ADD COLUMN publicly_distributed BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE clients ADD COLUMN requires_pkce BOOLEAN NOT NULL DEFAULT TRUE;
-- Seconds after which a grant ends however often it is refreshed; empty for never.
ALTER TABLE clients ADD COLUMN grants_end_after BIGINT;
ALTER TABLE clients ADD COLUMN contact_name TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN contact_email TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN contact_phone TEXT NOT NULL DEFAULT '';
-- Who did it, by the name they had then.
ALTER TABLE clients ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN admitted_by TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN suspended_by TEXT NOT NULL DEFAULT '';

CREATE TABLE redirect_uris (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id BIGINT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    uri TEXT NOT NULL,
    UNIQUE (client_id, uri)
);

-- The newest of a client never ends; earlier ones end when the overlap chosen at their replacement is over.
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

-- Kept for a while after its redemption, so that a replay still finds what it issued.
CREATE TABLE authorization_codes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id BIGINT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    employee_id BIGINT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    scope TEXT NOT NULL,
    -- As the authorization request had it; empty when it had none.
    redirect_uri TEXT,
    -- S256; empty when the request had none.
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

-- What the token endpoint refused: never a value.
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

-- How many pairs of the newest generation have been issued, and from which address.
ALTER TABLE refresh_tokens ADD COLUMN pairs BIGINT NOT NULL DEFAULT 1;
ALTER TABLE refresh_tokens ADD COLUMN rotated_from TEXT NOT NULL DEFAULT '';
CREATE INDEX refresh_token_values_expires ON refresh_token_values (expires_at);
-- How a revoked token is found again by its shown characters.
CREATE INDEX activity_subject_name ON activity (subject_name, id);
