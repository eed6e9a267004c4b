-- What attention rules ask and SQL cannot say of a scope, and whether the owner is locked or archived: stored with each
-- refresh token and API key. A background job updates them after a change of the owner, and computes those of older rows.
ALTER TABLE refresh_tokens ADD COLUMN full_access BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE refresh_tokens ADD COLUMN beyond_role BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE refresh_tokens ADD COLUMN owner_inactive BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE access_tokens ADD COLUMN full_access BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE access_tokens ADD COLUMN beyond_role BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE access_tokens ADD COLUMN owner_inactive BOOLEAN NOT NULL DEFAULT FALSE;
-- Counts the changes of an employee that their tokens do not show yet; 0 when they show all.
ALTER TABLE employees ADD COLUMN token_flags_due BIGINT NOT NULL DEFAULT 0;
UPDATE employees SET token_flags_due = 1;
CREATE INDEX employees_token_flags_due ON employees (id) WHERE token_flags_due > 0;

-- Each rule reads one index.
CREATE INDEX refresh_tokens_full_access ON refresh_tokens (id) WHERE full_access;
CREATE INDEX refresh_tokens_beyond_role ON refresh_tokens (id) WHERE beyond_role;
CREATE INDEX refresh_tokens_owner_inactive ON refresh_tokens (id) WHERE owner_inactive;
CREATE INDEX access_tokens_api_keys_full_access ON access_tokens (id) WHERE full_access AND refresh_token_id IS NULL;
CREATE INDEX access_tokens_api_keys_beyond_role ON access_tokens (id) WHERE beyond_role AND refresh_token_id IS NULL;
CREATE INDEX access_tokens_api_keys_owner_inactive ON access_tokens (id) WHERE owner_inactive AND refresh_token_id IS NULL;
CREATE INDEX clients_pending ON clients (id) WHERE approved_at IS NULL;
CREATE INDEX client_secrets_created ON client_secrets (created_at, id);

-- Items of attention rules that are quiet until a date.
CREATE TABLE acknowledgements (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rule TEXT NOT NULL,
    -- No foreign key: what the item is about depends on its kind.
    subject_kind TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    subject_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    quiet_until BIGINT NOT NULL,
    employee_id BIGINT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    UNIQUE (rule, subject_kind, subject_id)
);
CREATE INDEX acknowledgements_employee ON acknowledgements (employee_id);
CREATE INDEX acknowledgements_quiet_until ON acknowledgements (quiet_until, id);
