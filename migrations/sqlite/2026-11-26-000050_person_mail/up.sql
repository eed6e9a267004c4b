-- Mail to one person. `recipient` is their address; without it, a message goes to the recipients of notices. `sealed_link` is an
-- encrypted one-time link that replaces the line [link] of the body; it is deleted when the message is delivered or abandoned.
-- After `expires_at` the message is not sent any more.
ALTER TABLE outbox ADD COLUMN recipient TEXT;
ALTER TABLE outbox ADD COLUMN sealed_link BLOB;
ALTER TABLE outbox ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 253402300799;

-- Requests for a link to choose a new password, until a background job answers them.
CREATE TABLE reset_requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    email_fold TEXT NOT NULL,
    client_ip TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- One more purpose: a link that somebody asked for who forgot their password.
DROP INDEX one_time_links_employee;
ALTER TABLE one_time_links RENAME TO earlier_links;
CREATE TABLE one_time_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    purpose TEXT NOT NULL CHECK (purpose IN ('set-up', 'invite', 'reset', 'forgot')),
    employee_id BIGINT REFERENCES employees (id) ON DELETE CASCADE,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO one_time_links SELECT id, purpose, employee_id, hash, created_at, expires_at FROM earlier_links;
DROP TABLE earlier_links;
CREATE INDEX one_time_links_employee ON one_time_links (employee_id);
