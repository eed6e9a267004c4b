DROP TRIGGER activity_is_never_deleted ON activity;
CREATE TRIGGER activity_is_never_deleted BEFORE DELETE ON activity
FOR EACH ROW EXECUTE FUNCTION activity_is_append_only();
DROP FUNCTION activity_is_archived();
