DROP INDEX activity_at;
DROP TABLE activity_clients;
