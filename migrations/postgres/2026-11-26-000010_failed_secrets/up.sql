-- How many wrong client secrets each network sent for each client ID in its current minute, for all nodes together. The
-- client ID is stored as the beginning of its hash: a caller may have put a secret in its place.
CREATE TABLE failed_secrets (
    client TEXT COLLATE "C" NOT NULL,
    network TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    PRIMARY KEY (client, network)
);
-- The oldest rows are deleted when there are many.
CREATE INDEX failed_secrets_since ON failed_secrets (since, client, network);
