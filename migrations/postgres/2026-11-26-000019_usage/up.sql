-- What each client did on each UTC day, for the chart on its page. Days older than 90 days are deleted.
CREATE TABLE client_days (
    client_id BIGINT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    refreshes BIGINT NOT NULL,
    refusals BIGINT NOT NULL,
    PRIMARY KEY (client_id, day)
);
CREATE INDEX client_days_day ON client_days (day, client_id);

-- The same for API keys. Without a foreign key: it would cost each deletion of an access token a search in this table. The
-- days of a deleted key go with their age; ids are never used again.
CREATE TABLE api_key_days (
    api_key_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    PRIMARY KEY (api_key_id, day)
);
CREATE INDEX api_key_days_day ON api_key_days (day, api_key_id);

-- The IP address that a token was last used from; empty if it is not known.
ALTER TABLE access_tokens ADD COLUMN last_used_address TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE refresh_tokens ADD COLUMN last_used_address TEXT COLLATE "C" NOT NULL DEFAULT '';
