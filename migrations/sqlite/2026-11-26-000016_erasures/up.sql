-- Erasing the personal data of employees who left.
ALTER TABLE employees ADD COLUMN erased_at BIGINT;

-- Entries whose names, e-mail addresses and client IPs were erased. The HMAC covers the seals and what is left of the entry.
CREATE TABLE activity_redactions (
    activity_id BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    mac BLOB NOT NULL CHECK (length(mac) = 32)
);

-- Erasures that a background job has not finished: what it looks for, and how far it is. The row goes with the job's end.
CREATE TABLE erasures (
    employee_id BIGINT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    -- Entries of the activity log up to this id are searched; those up to the other one are done.
    through_activity_id BIGINT NOT NULL,
    done_activity_id BIGINT NOT NULL DEFAULT 0
);

DROP TRIGGER activity_is_never_edited;
CREATE TRIGGER activity_is_never_edited BEFORE UPDATE ON activity
WHEN NEW.id <> OLD.id OR NEW.at <> OLD.at OR NEW.kind <> OLD.kind OR NEW.actor_id IS NOT OLD.actor_id
    OR NEW.subject_kind <> OLD.subject_kind OR NEW.subject_id <> OLD.subject_id
    OR NEW.employee_id IS NOT OLD.employee_id
    OR NOT EXISTS (SELECT 1 FROM activity_redactions WHERE activity_id = OLD.id)
BEGIN
    SELECT RAISE(ABORT, 'activity is append only');
END;
