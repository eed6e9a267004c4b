-- Times are seconds since 1970-01-01 UTC. A time that is not set is NULL, a token that was never used has
-- last_used_at 0, and a token that never expires has expires_at 253402300799 (the last second of the year 9999),
-- so that lists sort and page by one comparison. Ids are never reused, so an old link cannot reach another row.

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id = 1),
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    key_check BLOB NOT NULL CHECK (length(key_check) = 32),
    created_at BIGINT NOT NULL
);

CREATE TABLE businesses (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    created_at BIGINT NOT NULL
);

CREATE TABLE business_locations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    business_id BIGINT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    country TEXT NOT NULL CHECK (length(country) = 2),
    time_zone TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX business_locations_business ON business_locations (business_id);

CREATE TABLE employees (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_fold TEXT NOT NULL,
    email TEXT NOT NULL,
    email_fold TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('staff', 'manager', 'admin')),
    password_hash TEXT,
    created_at BIGINT NOT NULL,
    locked_at BIGINT,
    archived_at BIGINT,
    last_signed_in_at BIGINT NOT NULL DEFAULT 0,
    -- "Revoke all access" of this employee, if too large for one transaction: tokens with ids up to these are revoked
    -- immediately, and their rows are deleted in the background.
    ended_refresh_tokens_through BIGINT NOT NULL DEFAULT 0,
    ended_access_tokens_through BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX employees_name ON employees (name_fold, id);
CREATE INDEX employees_ended ON employees (id) WHERE ended_access_tokens_through > 0 OR ended_refresh_tokens_through > 0;

CREATE TABLE employee_locations (
    employee_id BIGINT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    business_location_id BIGINT NOT NULL REFERENCES business_locations (id) ON DELETE CASCADE,
    PRIMARY KEY (employee_id, business_location_id)
);
CREATE INDEX employee_locations_location ON employee_locations (business_location_id);

CREATE TABLE one_time_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    purpose TEXT NOT NULL CHECK (purpose IN ('set-up', 'invite', 'reset')),
    employee_id BIGINT REFERENCES employees (id) ON DELETE CASCADE,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX one_time_links_employee ON one_time_links (employee_id);

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key_hash BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    employee_id BIGINT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    peer TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    state TEXT NOT NULL
);
CREATE INDEX sessions_employee ON sessions (employee_id);

CREATE TABLE sign_in_attempts (
    subject TEXT PRIMARY KEY NOT NULL,
    failures BIGINT NOT NULL,
    last_failed_at BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL
);

CREATE TABLE form_nonces (
    nonce TEXT PRIMARY KEY NOT NULL,
    used_at BIGINT NOT NULL
);

CREATE TABLE clients (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    name_fold TEXT NOT NULL,
    website TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    approved_at BIGINT,
    admitted_at BIGINT,
    suspended_at BIGINT,
    -- Set if the client has too many tokens for one transaction: access is revoked, the rows are deleted later.
    revoked_at BIGINT,
    last_used_at BIGINT NOT NULL DEFAULT 0,
    -- Counts for the client list, updated in the background; the confirmation page shows exact counts.
    live_refresh_tokens BIGINT NOT NULL DEFAULT 0,
    live_access_tokens BIGINT NOT NULL DEFAULT 0,
    holders BIGINT NOT NULL DEFAULT 0,
    counted_at BIGINT NOT NULL DEFAULT 0,
    -- The lowest id of a valid access token (not API key) at the last count: lists start there, so that the last page of
    -- valid tokens is found without reading expired ones.
    live_from BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX clients_name ON clients (name_fold, id);
CREATE INDEX clients_last_used ON clients (last_used_at, id);

CREATE TABLE refresh_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id BIGINT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    employee_id BIGINT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    prefix TEXT NOT NULL CHECK (length(prefix) = 7),
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0,
    expires_at BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    generation_used_at BIGINT,
    revoked_at BIGINT,
    -- Target of the composite foreign key of access tokens, so that a token and its grant have the same client.
    UNIQUE (id, client_id)
);
CREATE INDEX refresh_tokens_client ON refresh_tokens (client_id, id);
CREATE INDEX refresh_tokens_client_last_used ON refresh_tokens (client_id, last_used_at, id);
CREATE INDEX refresh_tokens_client_expires ON refresh_tokens (client_id, expires_at, id);
CREATE INDEX refresh_tokens_employee ON refresh_tokens (employee_id, client_id, id);
CREATE INDEX refresh_tokens_prefix ON refresh_tokens (client_id, prefix, id);
CREATE INDEX refresh_tokens_revoked ON refresh_tokens (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE refresh_token_values (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    refresh_token_id BIGINT NOT NULL REFERENCES refresh_tokens (id) ON DELETE CASCADE,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    replaced_at BIGINT
);
CREATE INDEX refresh_token_values_refresh_token ON refresh_token_values (refresh_token_id, generation);

CREATE TABLE access_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id BIGINT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    employee_id BIGINT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    -- Empty for an API key.
    refresh_token_id BIGINT,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    prefix TEXT NOT NULL CHECK (length(prefix) = 7),
    scope TEXT NOT NULL,
    label TEXT NOT NULL DEFAULT '',
    generation BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (refresh_token_id, client_id) REFERENCES refresh_tokens (id, client_id) ON DELETE CASCADE
);
CREATE INDEX access_tokens_client ON access_tokens (client_id, id);
CREATE INDEX access_tokens_client_last_used ON access_tokens (client_id, last_used_at, id);
CREATE INDEX access_tokens_client_expires ON access_tokens (client_id, expires_at, id);
CREATE INDEX access_tokens_refresh_token ON access_tokens (refresh_token_id, client_id, id);
CREATE INDEX access_tokens_employee ON access_tokens (employee_id, client_id, expires_at, id);
CREATE INDEX access_tokens_prefix ON access_tokens (client_id, prefix, expires_at, id);
CREATE INDEX access_tokens_api_keys ON access_tokens (client_id, id) WHERE refresh_token_id IS NULL;
CREATE INDEX access_tokens_api_keys_employee ON access_tokens (employee_id, client_id, id) WHERE refresh_token_id IS NULL;

-- Rows of a revocation that are deleted in the background, and the progress.
CREATE TABLE purges (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('client', 'refresh_token', 'employee')),
    -- No foreign key: the subject is deleted at the end, this row stays.
    subject_id BIGINT NOT NULL,
    subject_name TEXT NOT NULL,
    total BIGINT NOT NULL,
    deleted_refresh_tokens BIGINT NOT NULL DEFAULT 0,
    deleted_access_tokens BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX purges_subject ON purges (subject_kind, subject_id);

-- Append-only, without foreign keys: deleting a client or an employee keeps its history.
CREATE TABLE activity (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    actor_id BIGINT,
    actor_name TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    subject_name TEXT NOT NULL,
    -- The employee whose grant or account is concerned; staff see entries where this or actor_id is themselves.
    employee_id BIGINT,
    detail TEXT NOT NULL,
    peer TEXT NOT NULL
);
CREATE INDEX activity_subject ON activity (subject_kind, subject_id, id);
CREATE INDEX activity_actor ON activity (actor_id, id);
CREATE INDEX activity_employee ON activity (employee_id, id);
CREATE INDEX activity_kind ON activity (kind, id);

CREATE TRIGGER activity_is_never_edited BEFORE UPDATE ON activity
BEGIN
    SELECT RAISE(ABORT, 'activity is append only');
END;
CREATE TRIGGER activity_is_never_deleted BEFORE DELETE ON activity
BEGIN
    SELECT RAISE(ABORT, 'activity is append only');
END;

-- The hash chain of the activity log. No foreign key: the seal of a deleted entry must remain.
CREATE TABLE activity_seals (
    id INTEGER PRIMARY KEY NOT NULL,
    activity_id BIGINT NOT NULL UNIQUE,
    seal BLOB NOT NULL CHECK (length(seal) = 32)
);

CREATE TABLE leases (
    name TEXT PRIMARY KEY NOT NULL,
    holder TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
