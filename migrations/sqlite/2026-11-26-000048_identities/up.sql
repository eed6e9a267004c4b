-- Sign-in through an OpenID Connect provider. Whom an identity at a provider belongs to, by issuer and subject: the e-mail address
-- may change there.
CREATE TABLE employee_identities (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    employee_id BIGINT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    UNIQUE (issuer, subject),
    UNIQUE (employee_id, issuer)
);

-- When they first signed in through a provider: they may sign in although they have no password.
ALTER TABLE employees ADD COLUMN linked_at BIGINT;

-- The identity that a session began with, and the provider's own name for its session, by which it signs people out.
ALTER TABLE sessions ADD COLUMN identity_id BIGINT REFERENCES employee_identities (id) ON DELETE CASCADE;
ALTER TABLE sessions ADD COLUMN provider_session TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_identity_id ON sessions (identity_id);
CREATE INDEX sessions_provider_session ON sessions (provider_session);
