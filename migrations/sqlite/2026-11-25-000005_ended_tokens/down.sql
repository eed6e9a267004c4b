ALTER TABLE clients ADD COLUMN live_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts DROP COLUMN restored_at;
DROP TABLE activity_unsealed;
ALTER TABLE refresh_token_values DROP COLUMN earlier_format;
DROP INDEX refresh_tokens_grant_hash;
ALTER TABLE refresh_tokens DROP COLUMN grant_hash;
DROP TABLE ended_tokens;
