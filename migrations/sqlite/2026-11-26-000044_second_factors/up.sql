-- What an employee proves besides the password. One row for each employee who has set up a second factor, under their id: the
-- secret of their authenticator app (sealed), the time step of the newest code that was used, and how often codes were wrong.
CREATE TABLE second_factors (
    id BIGINT PRIMARY KEY NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    app_secret BLOB,
    app_added_at BIGINT NOT NULL DEFAULT 0,
    app_used_at BIGINT NOT NULL DEFAULT 0,
    used_step BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    blocked_until BIGINT NOT NULL DEFAULT 0
);

-- The recovery codes that were not used yet, as hashes.
CREATE TABLE recovery_codes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    employee_id BIGINT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX recovery_codes_by_hash ON recovery_codes (employee_id, hash);

-- The roles whose sign-in needs a second factor.
CREATE TABLE required_second_factors (
    role TEXT PRIMARY KEY NOT NULL CHECK (role IN ('staff', 'manager', 'admin')),
    required_at BIGINT NOT NULL
);
