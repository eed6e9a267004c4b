-- Token endpoints that refuse to refresh without an OAuth error: how often in a row, and since when. After several of them
-- the connection needs authorization.
CREATE TABLE connection_refusals (
    connection_id BIGINT PRIMARY KEY NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    refusals BIGINT NOT NULL,
    first_at BIGINT NOT NULL
);
