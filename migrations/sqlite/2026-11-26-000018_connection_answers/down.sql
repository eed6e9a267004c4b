ALTER TABLE oauth_clients DROP COLUMN account_member;
DROP TABLE connection_refusals;
