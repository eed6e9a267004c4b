-- Each list reads one index in its own order. Access tokens are inserted and deleted often, so they have few indexes; API
-- keys and refresh tokens have one for every sort order.
DROP INDEX refresh_token_values_expires;
CREATE INDEX refresh_token_values_earlier_format ON refresh_token_values (expires_at, id) WHERE earlier_format;

DROP INDEX access_tokens_client_last_used;
DROP INDEX access_tokens_client_expires;
DROP INDEX access_tokens_employee;
DROP INDEX access_tokens_prefix;
DROP INDEX access_tokens_api_keys;
DROP INDEX access_tokens_api_keys_employee;
-- Without API keys, so that no search for API keys reads this index: they have the indexes below.
DROP INDEX access_tokens_refresh_token;
CREATE INDEX access_tokens_refresh_token ON access_tokens (refresh_token_id, client_id, id)
WHERE refresh_token_id IS NOT NULL;
CREATE INDEX access_tokens_employee ON access_tokens (employee_id, id);
CREATE INDEX access_tokens_prefix ON access_tokens (client_id, prefix, id);
-- Access tokens, without API keys, in the order in which they expire: the background job moves them to ended_tokens.
CREATE INDEX access_tokens_expires ON access_tokens (expires_at, id) WHERE refresh_token_id IS NOT NULL;
CREATE INDEX access_tokens_api_keys ON access_tokens (client_id, created_at, id) WHERE refresh_token_id IS NULL;
CREATE INDEX access_tokens_api_keys_last_used ON access_tokens (client_id, last_used_at, id) WHERE refresh_token_id IS NULL;
CREATE INDEX access_tokens_api_keys_client_expires ON access_tokens (client_id, expires_at, id) WHERE refresh_token_id IS NULL;
CREATE INDEX access_tokens_api_keys_employee ON access_tokens (employee_id, created_at, id) WHERE refresh_token_id IS NULL;
CREATE INDEX access_tokens_api_keys_expires ON access_tokens (expires_at, id) WHERE refresh_token_id IS NULL;

-- The page of an employee: newest first, over all clients.
CREATE INDEX refresh_tokens_employee_id ON refresh_tokens (employee_id, id);
