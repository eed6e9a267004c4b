-- The access inventory lists refresh tokens and API keys of all clients, in each order from an index. A refresh changes the last
-- use and the expiry of a refresh token: two of these indexes are updated with it, at their ends. API keys have an index by
-- expiry already. Access tokens are in none of them.
CREATE INDEX refresh_tokens_by_created ON refresh_tokens (created_at, id);
CREATE INDEX refresh_tokens_by_last_used ON refresh_tokens (last_used_at, id);
CREATE INDEX refresh_tokens_by_expires ON refresh_tokens (expires_at, id);
CREATE INDEX access_tokens_api_keys_by_created ON access_tokens (created_at, id) WHERE refresh_token_id IS NULL;
CREATE INDEX access_tokens_api_keys_by_last_used ON access_tokens (last_used_at, id) WHERE refresh_token_id IS NULL;

-- A bulk revocation: its selection, what its dry run counted, and how far it is. Kept for a while after its end.
CREATE TABLE bulk_revocations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    state TEXT NOT NULL CHECK (state IN ('counting', 'counted', 'revoking', 'deleting', 'finished')),
    -- JSON: the filter, or the tokens that were chosen.
    selection TEXT NOT NULL,
    -- No foreign key: the record outlives the employee.
    actor_id BIGINT NOT NULL,
    actor_name TEXT NOT NULL,
    client_ip TEXT NOT NULL,
    -- The filter is judged by this time, and takes no token with a higher id than these.
    judged_at BIGINT NOT NULL,
    refresh_tokens_through BIGINT NOT NULL,
    access_tokens_through BIGINT NOT NULL,
    -- The last place that was looked at.
    place_value BIGINT,
    place_id BIGINT,
    searched BIGINT NOT NULL DEFAULT 0,
    matched BIGINT NOT NULL DEFAULT 0,
    -- JSON: clients, employees, the last use, first characters of tokens.
    tally TEXT NOT NULL,
    revoked_refresh_tokens BIGINT NOT NULL DEFAULT 0,
    revoked_api_keys BIGINT NOT NULL DEFAULT 0,
    deleted_refresh_tokens BIGINT NOT NULL DEFAULT 0,
    deleted_access_tokens BIGINT NOT NULL DEFAULT 0,
    -- Why it ended before all that matches was revoked; empty if it did not.
    ended_early TEXT NOT NULL DEFAULT '',
    confirmed_at BIGINT,
    stop_requested_at BIGINT,
    stopped_by TEXT NOT NULL DEFAULT '',
    access_ended_at BIGINT,
    finished_at BIGINT
);
CREATE INDEX bulk_revocations_open ON bulk_revocations (id) WHERE state IN ('counting', 'revoking', 'deleting');

-- The bulk revocation that marked a refresh token as revoked and deletes its rows. No foreign key: the mark is temporary.
ALTER TABLE refresh_tokens ADD COLUMN bulk_revocation_id BIGINT;
CREATE INDEX refresh_tokens_bulk_revocation ON refresh_tokens (bulk_revocation_id, id) WHERE bulk_revocation_id IS NOT NULL;
