-- Which clients each entry of the activity log is about, for the list of one client. What an entry says of its clients is sealed
-- with it; `verify-activity` compares. No foreign key of clients: entries outlive them.
CREATE TABLE activity_clients (
    client_id BIGINT NOT NULL,
    activity_id BIGINT NOT NULL REFERENCES activity (id) ON DELETE CASCADE,
    PRIMARY KEY (client_id, activity_id)
) WITHOUT ROWID;
CREATE INDEX activity_clients_activity ON activity_clients (activity_id);
-- Finds the entries of a day.
CREATE INDEX activity_at ON activity (at, id);

-- Earlier entries about tokens name the client, not its id. It is that of the token, or the only client with this name.
INSERT INTO activity_clients (client_id, activity_id)
SELECT subject_id, id FROM activity WHERE subject_kind = 'client';
INSERT INTO activity_clients (client_id, activity_id)
SELECT refresh_tokens.client_id, activity.id FROM activity JOIN refresh_tokens ON refresh_tokens.id = activity.subject_id
WHERE activity.subject_kind = 'refresh_token';
INSERT INTO activity_clients (client_id, activity_id)
SELECT access_tokens.client_id, activity.id FROM activity JOIN access_tokens ON access_tokens.id = activity.subject_id
WHERE activity.subject_kind = 'access_token';
INSERT INTO activity_clients (client_id, activity_id)
SELECT MIN(clients.id), activity.id FROM activity JOIN clients ON clients.name = SUBSTR(activity.subject_name, 12)
WHERE activity.subject_kind IN ('refresh_token', 'access_token') AND SUBSTR(activity.subject_name, 8, 4) = ' of '
AND NOT EXISTS (SELECT 1 FROM activity_clients WHERE activity_id = activity.id)
GROUP BY activity.id HAVING COUNT(*) = 1;
