DROP INDEX refresh_tokens_bulk_revocation;
ALTER TABLE refresh_tokens DROP COLUMN bulk_revocation_id;
DROP TABLE bulk_revocations;
DROP INDEX access_tokens_api_keys_by_last_used;
DROP INDEX access_tokens_api_keys_by_created;
DROP INDEX refresh_tokens_by_expires;
DROP INDEX refresh_tokens_by_last_used;
DROP INDEX refresh_tokens_by_created;
