-- Entries of the activity log may be deleted once they are archived.
DROP TRIGGER activity_is_never_deleted;
CREATE TRIGGER activity_is_never_deleted BEFORE DELETE ON activity
WHEN NOT EXISTS (
    SELECT 1 FROM activity_seals JOIN activity_chain ON activity_seals.id <= activity_chain.archived_number
    WHERE activity_seals.activity_id = OLD.id
)
BEGIN
    SELECT RAISE(ABORT, 'activity is append only');
END;
