-- The OpenID Connect provider that an admin entered; the client secret is encrypted.
CREATE TABLE identity_settings (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_secret BLOB,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    email_claim TEXT NOT NULL,
    groups_claim TEXT NOT NULL,
    roles TEXT NOT NULL,
    domains TEXT NOT NULL,
    creates BOOLEAN NOT NULL,
    passwords BOOLEAN NOT NULL
);

-- The admin who may sign in with a password while passwords are switched off.
ALTER TABLE employees ADD COLUMN is_break_glass BOOLEAN NOT NULL DEFAULT FALSE;

-- When they last proved at the provider who they are: 0 if it does not say, NULL if the session did not begin there.
ALTER TABLE sessions ADD COLUMN authenticated_at BIGINT;
