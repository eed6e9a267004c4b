-- Entries of the activity log may be deleted once they are archived.
CREATE FUNCTION activity_is_archived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM activity_seals JOIN activity_chain ON activity_seals.id <= activity_chain.archived_number
        WHERE activity_seals.activity_id = OLD.id
    ) THEN
        RAISE EXCEPTION 'activity is append only';
    END IF;
    RETURN OLD;
END
$$;
DROP TRIGGER activity_is_never_deleted ON activity;
CREATE TRIGGER activity_is_never_deleted BEFORE DELETE ON activity
FOR EACH ROW EXECUTE FUNCTION activity_is_archived();
