DROP INDEX sessions_provider_session;
DROP INDEX sessions_identity_id;
ALTER TABLE sessions DROP COLUMN provider_session;
ALTER TABLE sessions DROP COLUMN identity_id;
ALTER TABLE employees DROP COLUMN linked_at;
DROP TABLE employee_identities;
