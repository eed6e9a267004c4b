DROP INDEX authorization_codes_employee;
CREATE INDEX authorization_codes_employee ON authorization_codes (employee_id);
DROP INDEX purges_unfinished;
ALTER TABLE purges DROP COLUMN deleted_api_keys;
