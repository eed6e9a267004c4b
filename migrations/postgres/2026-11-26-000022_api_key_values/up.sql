-- A new value of an API key: the value before it can work for a while. Both are found by one query. The hash stays after that, so
-- that the previous value still leads to its key. How often the value was replaced is counted in `generation`.
ALTER TABLE access_tokens ADD COLUMN previous_hash BYTEA CHECK (length(previous_hash) = 32);
ALTER TABLE access_tokens ADD COLUMN previous_expires_at BIGINT NOT NULL DEFAULT 0;
-- When the current value was created; 0 if it is the first.
ALTER TABLE access_tokens ADD COLUMN rotated_at BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX access_tokens_previous_hash ON access_tokens (previous_hash) WHERE previous_hash IS NOT NULL;
