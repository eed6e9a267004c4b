DROP INDEX sign_in_attempts_unrecorded;
DROP INDEX sign_in_attempts_last_failed;
ALTER TABLE sign_in_attempts DROP COLUMN unrecorded;
ALTER TABLE sign_in_attempts DROP COLUMN recorded;
ALTER TABLE sign_in_attempts DROP COLUMN hour;
