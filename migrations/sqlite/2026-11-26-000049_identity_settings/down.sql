ALTER TABLE sessions DROP COLUMN authenticated_at;
ALTER TABLE employees DROP COLUMN is_break_glass;
DROP TABLE identity_settings;
