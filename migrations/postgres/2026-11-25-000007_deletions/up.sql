-- Deleted API keys are counted apart from access tokens. Every token list, and the background job, looks for unfinished
-- deletions: the partial index finds them among many finished ones.
ALTER TABLE purges ADD COLUMN deleted_api_keys BIGINT NOT NULL DEFAULT 0;
CREATE INDEX purges_unfinished ON purges (id) WHERE finished_at IS NULL;

-- Revoking all access of an employee also deletes the few codes of theirs that can still be redeemed.
DROP INDEX authorization_codes_employee;
CREATE INDEX authorization_codes_employee ON authorization_codes (employee_id, expires_at, id);
