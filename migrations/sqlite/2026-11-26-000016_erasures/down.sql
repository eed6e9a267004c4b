DROP TRIGGER activity_is_never_edited;
CREATE TRIGGER activity_is_never_edited BEFORE UPDATE ON activity
BEGIN
    SELECT RAISE(ABORT, 'activity is append only');
END;
DROP TABLE erasures;
DROP TABLE activity_redactions;
ALTER TABLE employees DROP COLUMN erased_at;
