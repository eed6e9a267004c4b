ALTER TABLE refresh_tokens DROP COLUMN last_used_address;
ALTER TABLE access_tokens DROP COLUMN last_used_address;
DROP TABLE api_key_days;
DROP TABLE client_days;
