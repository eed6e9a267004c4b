-- What a command needs to know of the server that uses this database: the version that last changed the schema, which fits it,
-- and the address that people open.
CREATE TABLE installation (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    schema_version TEXT NOT NULL DEFAULT '',
    public_url TEXT NOT NULL DEFAULT ''
);
INSERT INTO installation (id) VALUES (1);
