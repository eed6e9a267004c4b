DROP TRIGGER activity_is_never_deleted;
CREATE TRIGGER activity_is_never_deleted BEFORE DELETE ON activity
BEGIN
    SELECT RAISE(ABORT, 'activity is append only');
END;
