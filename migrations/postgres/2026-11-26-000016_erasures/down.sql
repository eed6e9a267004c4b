DROP TRIGGER activity_is_never_deleted ON activity;
DROP TRIGGER activity_is_never_edited ON activity;
CREATE TRIGGER activity_is_never_edited BEFORE UPDATE OR DELETE ON activity
FOR EACH ROW EXECUTE FUNCTION activity_is_append_only();
DROP FUNCTION activity_is_redacted();
DROP TABLE erasures;
DROP TABLE activity_redactions;
ALTER TABLE employees DROP COLUMN erased_at;
