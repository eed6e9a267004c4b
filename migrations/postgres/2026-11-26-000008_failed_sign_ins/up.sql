-- Failed sign-ins are recorded in the activity log up to a number per network and hour; the others are counted here and
-- recorded as one entry.
ALTER TABLE sign_in_attempts ADD COLUMN hour BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sign_in_attempts ADD COLUMN recorded BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sign_in_attempts ADD COLUMN unrecorded BIGINT NOT NULL DEFAULT 0;
-- The oldest rows are deleted when there are many.
CREATE INDEX sign_in_attempts_last_failed ON sign_in_attempts (last_failed_at, subject);
CREATE INDEX sign_in_attempts_unrecorded ON sign_in_attempts (hour) WHERE unrecorded > 0;
