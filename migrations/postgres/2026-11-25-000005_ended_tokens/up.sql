-- Expired access tokens move to a table of their own, and a refresh token has a bounded number of values however often it is
-- refreshed, so that tables do not grow with the past. Nothing is copied here: a background job moves the expired tokens.

-- Access tokens that have expired, for KEEP_EXPIRED_DAYS: a lookup can still tell "expired" from "revoked", and the page of
-- the refresh token lists them. No foreign keys, so that deleting a client or a grant does not depend on its past.
CREATE TABLE ended_tokens (
    -- The id that the row had in access_tokens.
    id BIGINT PRIMARY KEY NOT NULL,
    client_id BIGINT NOT NULL,
    employee_id BIGINT NOT NULL,
    refresh_token_id BIGINT NOT NULL,
    hash BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32),
    prefix TEXT COLLATE "C" NOT NULL CHECK (length(prefix) = 7),
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX ended_tokens_refresh_token ON ended_tokens (refresh_token_id, expires_at, id);
CREATE INDEX ended_tokens_expires ON ended_tokens (expires_at, id);

-- The hash of the part that all values of a refresh token have in common. Empty until a token of the earlier format is
-- refreshed for the first time.
ALTER TABLE refresh_tokens ADD COLUMN grant_hash BYTEA CHECK (length(grant_hash) = 32);
CREATE UNIQUE INDEX refresh_tokens_grant_hash ON refresh_tokens (grant_hash);

-- Values of the earlier format have no part in common. They keep their rows until they expire, so that reuse is detected.
ALTER TABLE refresh_token_values ADD COLUMN earlier_format BOOLEAN NOT NULL DEFAULT TRUE;

-- Activity entries that have no seal yet.
CREATE TABLE activity_unsealed (
    activity_id BIGINT PRIMARY KEY NOT NULL
);
INSERT INTO activity_unsealed (activity_id)
SELECT id FROM activity WHERE NOT EXISTS (SELECT 1 FROM activity_seals WHERE activity_id = activity.id);

-- When the database was last restored from a backup: a value of a refresh token that is newer than the backup has no row, like
-- one that is too old.
ALTER TABLE accounts ADD COLUMN restored_at BIGINT;

-- Lists no longer need an estimate of where valid tokens begin.
ALTER TABLE clients DROP COLUMN live_from;
