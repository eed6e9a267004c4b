DROP TABLE outbox;
DROP TABLE service_keys;
DROP TABLE connection_requests;
DROP TABLE connection_events;
DROP TABLE connections;
DROP TABLE oauth_clients;
