DELETE FROM one_time_links WHERE purpose = 'forgot';
ALTER TABLE one_time_links DROP CONSTRAINT one_time_links_purpose_check;
ALTER TABLE one_time_links ADD CONSTRAINT one_time_links_purpose_check CHECK (purpose IN ('set-up', 'invite', 'reset'));
DROP TABLE reset_requests;
-- Without the column, it would go to the recipients of notices.
DELETE FROM outbox WHERE recipient IS NOT NULL;
ALTER TABLE outbox DROP COLUMN expires_at;
ALTER TABLE outbox DROP COLUMN sealed_link;
ALTER TABLE outbox DROP COLUMN recipient;
