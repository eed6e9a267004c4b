DROP INDEX employees_grants_counted;
ALTER TABLE employees DROP COLUMN grants_counted_at;
ALTER TABLE employees DROP COLUMN grant_count;
ALTER TABLE clients DROP COLUMN access_level;
ALTER TABLE clients DROP COLUMN suspended_reason;
