-- API tokens: a person, or a service with a responsible person, calls the admin API with one.
CREATE TABLE api_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The person, or the responsible person of the service.
    employee_id BIGINT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    -- The name of the service; empty for a person's own token.
    service TEXT NOT NULL,
    name TEXT NOT NULL,
    name_fold TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    prefix TEXT NOT NULL CHECK (length(prefix) = 7),
    role TEXT NOT NULL CHECK (role IN ('staff', 'manager', 'admin')),
    -- Such as `clients:read tokens:write`.
    areas TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0,
    last_used_address TEXT NOT NULL DEFAULT '',
    revoked_at BIGINT
);
CREATE INDEX api_tokens_employee ON api_tokens (employee_id, id);
CREATE INDEX api_tokens_prefix ON api_tokens (prefix);
CREATE INDEX api_tokens_expires ON api_tokens (expires_at, id);
