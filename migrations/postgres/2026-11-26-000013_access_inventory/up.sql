-- The access inventory lists refresh tokens and API keys of all clients, in each order from an index. A refresh changes the last
-- use and the expiry of a refresh token: two of these indexes are updated with it, at their ends. API keys have an index by
-- expiry already. Access tokens are in none of them.
CREATE INDEX refresh_tokens_by_created ON refresh_tokens (created_at, id);
CREATE INDEX refresh_tokens_by_last_used ON refresh_tokens (last_used_at, id);
CREATE INDEX refresh_tokens_by_expires ON refresh_tokens (expires_at, id);
CREATE INDEX access_tokens_api_keys_by_created ON access_tokens (created_at, id) WHERE refresh_token_id IS NULL;
CREATE INDEX access_tokens_api_keys_by_last_used ON access_tokens (last_used_at, id) WHERE refresh_token_id IS NULL;
