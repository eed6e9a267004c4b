-- Token endpoints that refuse to refresh without an OAuth error: how often in a row, and since when. After several of them
-- the connection needs authorization.
CREATE TABLE connection_refusals (
    connection_id BIGINT PRIMARY KEY NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    refusals BIGINT NOT NULL,
    first_at BIGINT NOT NULL
);

-- The member of the answer to the test call that names the account; empty for the known ones.
ALTER TABLE oauth_clients ADD COLUMN account_member TEXT NOT NULL DEFAULT '';
