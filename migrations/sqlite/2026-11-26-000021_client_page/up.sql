-- Why a client is suspended, as the admin wrote it.
ALTER TABLE clients ADD COLUMN suspended_reason TEXT NOT NULL DEFAULT '';

-- What the valid tokens of a client can do at most, as last counted: 0 nothing, 1 read, 2 change data, 3 full access.
ALTER TABLE clients ADD COLUMN access_level BIGINT NOT NULL DEFAULT 0;

-- How many valid refresh tokens and API keys belong to an employee, as last counted, up to one more than a thousand.
ALTER TABLE employees ADD COLUMN grant_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE employees ADD COLUMN grants_counted_at BIGINT NOT NULL DEFAULT 0;
-- The job that counts takes those first that were counted longest ago.
CREATE INDEX employees_grants_counted ON employees (grants_counted_at, id);
