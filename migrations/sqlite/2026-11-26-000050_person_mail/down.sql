DROP INDEX one_time_links_employee;
ALTER TABLE one_time_links RENAME TO later_links;
CREATE TABLE one_time_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    purpose TEXT NOT NULL CHECK (purpose IN ('set-up', 'invite', 'reset')),
    employee_id BIGINT REFERENCES employees (id) ON DELETE CASCADE,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO one_time_links
SELECT id, purpose, employee_id, hash, created_at, expires_at FROM later_links WHERE purpose <> 'forgot';
DROP TABLE later_links;
CREATE INDEX one_time_links_employee ON one_time_links (employee_id);
DROP TABLE reset_requests;
-- Without the column, it would go to the recipients of notices.
DELETE FROM outbox WHERE recipient IS NOT NULL;
ALTER TABLE outbox DROP COLUMN expires_at;
ALTER TABLE outbox DROP COLUMN sealed_link;
ALTER TABLE outbox DROP COLUMN recipient;
