-- Renames columns to the terms of pages and documentation.
ALTER TABLE clients RENAME COLUMN approved_at TO lightspeed_approved_at;
ALTER TABLE clients RENAME COLUMN approved_by TO lightspeed_approved_by;
ALTER TABLE clients RENAME COLUMN admitted_at TO approved_at;
ALTER TABLE clients RENAME COLUMN admitted_by TO approved_by;
ALTER TABLE clients RENAME COLUMN live_refresh_tokens TO valid_refresh_tokens;
ALTER TABLE clients RENAME COLUMN live_access_tokens TO valid_access_tokens;
ALTER TABLE clients RENAME COLUMN holders TO employee_count;
ALTER TABLE employees RENAME COLUMN ended_refresh_tokens_through TO revoked_refresh_tokens_through;
ALTER TABLE employees RENAME COLUMN ended_access_tokens_through TO revoked_access_tokens_through;
ALTER TABLE activity RENAME COLUMN peer TO client_ip;
ALTER TABLE sessions RENAME COLUMN peer TO client_ip;
ALTER TABLE token_failures RENAME COLUMN peer TO client_ip;
ALTER TABLE connections RENAME COLUMN trouble TO last_error;
ALTER TABLE connections RENAME COLUMN trouble_since TO failing_since;
ALTER TABLE outbox RENAME COLUMN trouble TO last_error;
