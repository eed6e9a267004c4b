-- Erasing the personal data of employees who left.
ALTER TABLE employees ADD COLUMN erased_at BIGINT;

-- Entries whose names, e-mail addresses and client IPs were erased. The HMAC covers the seals and what is left of the entry.
CREATE TABLE activity_redactions (
    activity_id BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    mac BYTEA NOT NULL CHECK (length(mac) = 32)
);

-- Erasures that a background job has not finished: what it looks for, and how far it is. The row goes with the job's end.
CREATE TABLE erasures (
    employee_id BIGINT PRIMARY KEY NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    -- Entries of the activity log up to this id are searched; those up to the other one are done.
    through_activity_id BIGINT NOT NULL,
    done_activity_id BIGINT NOT NULL DEFAULT 0
);

CREATE FUNCTION activity_is_redacted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.at, NEW.kind, NEW.subject_kind, NEW.subject_id)
        IS DISTINCT FROM (OLD.id, OLD.at, OLD.kind, OLD.subject_kind, OLD.subject_id)
        OR NEW.actor_id IS DISTINCT FROM OLD.actor_id OR NEW.employee_id IS DISTINCT FROM OLD.employee_id
        OR NOT EXISTS (SELECT 1 FROM activity_redactions WHERE activity_id = OLD.id)
    THEN
        RAISE EXCEPTION 'activity is append only';
    END IF;
    RETURN NEW;
END
$$;
DROP TRIGGER activity_is_never_edited ON activity;
CREATE TRIGGER activity_is_never_edited BEFORE UPDATE ON activity
FOR EACH ROW EXECUTE FUNCTION activity_is_redacted();
CREATE TRIGGER activity_is_never_deleted BEFORE DELETE ON activity
FOR EACH ROW EXECUTE FUNCTION activity_is_append_only();
