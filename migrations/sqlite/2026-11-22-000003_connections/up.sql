-- The shop's connections to other OAuth 2.0 servers. Encrypted values are bound to their row: see src/secrets/sealed.rs.

-- App credentials at a provider. URLs are stored for other servers only; for Lightspeed the type decides.
CREATE TABLE oauth_clients (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_fold TEXT NOT NULL UNIQUE,
    api_type TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_secret BLOB,
    authorize_url TEXT NOT NULL,
    token_url TEXT NOT NULL,
    revoke_url TEXT NOT NULL,
    api_url TEXT NOT NULL,
    test_path TEXT NOT NULL,
    -- Empty if the server does not send its issuer in authorization responses (RFC 9207).
    issuer TEXT NOT NULL,
    uses_pkce BOOLEAN NOT NULL,
    secret_in_header BOOLEAN NOT NULL,
    -- The last part of the redirect URI: unique, so that the code of one server is never sent to another.
    callback TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    secret_changed_at BIGINT NOT NULL
);

CREATE TABLE connections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_fold TEXT NOT NULL UNIQUE,
    oauth_client_id BIGINT NOT NULL REFERENCES oauth_clients (id) ON DELETE RESTRICT,
    business_id BIGINT REFERENCES businesses (id) ON DELETE SET NULL,
    domain_prefix TEXT NOT NULL,
    scope TEXT NOT NULL,
    granted_scope TEXT NOT NULL DEFAULT '',
    access_token BLOB,
    refresh_token BLOB,
    access_expires_at BIGINT NOT NULL DEFAULT 0,
    refresh_expires_at BIGINT NOT NULL DEFAULT 253402300799,
    -- Lifetime of the current access token in seconds.
    access_life BIGINT NOT NULL DEFAULT 0,
    -- When the next refresh is due.
    due_at BIGINT NOT NULL DEFAULT 253402300799,
    -- Incremented with each claim and each change of tokens: an outcome is written only for the claimed version.
    version BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT NOT NULL DEFAULT 0,
    -- When a token request was sent whose outcome is unknown.
    attempted_at BIGINT,
    failures BIGINT NOT NULL DEFAULT 0,
    trouble TEXT NOT NULL DEFAULT '',
    trouble_since BIGINT,
    needs_authorization_since BIGINT,
    reason TEXT NOT NULL DEFAULT '',
    -- When a notice was sent that the connection does not work.
    incident_since BIGINT,
    paused_at BIGINT,
    account_id TEXT NOT NULL DEFAULT '',
    account_name TEXT NOT NULL DEFAULT '',
    authorized_by BIGINT REFERENCES employees (id) ON DELETE SET NULL,
    authorized_at BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    last_refreshed_at BIGINT NOT NULL DEFAULT 0,
    last_used_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX connections_oauth_client ON connections (oauth_client_id);
CREATE INDEX connections_business ON connections (business_id);
CREATE INDEX connections_authorized_by ON connections (authorized_by);
CREATE INDEX connections_due ON connections (due_at, id);
-- Counted on every page.
CREATE INDEX connections_need_a_person ON connections (name_fold, id)
    WHERE needs_authorization_since IS NOT NULL AND paused_at IS NULL;

CREATE TABLE connection_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection_id BIGINT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- A sentence without secrets.
    words TEXT NOT NULL,
    by_name TEXT NOT NULL
);
CREATE INDEX connection_events_connection ON connection_events (connection_id, id);

-- A pending authorization at a provider: the session, the connection and the time.
CREATE TABLE connection_requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection_id BIGINT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    state_hash BLOB NOT NULL UNIQUE CHECK (length(state_hash) = 32),
    verifier BLOB,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    -- The token response of another account than before, until an admin chooses an account.
    held BLOB
);
CREATE INDEX connection_requests_connection ON connection_requests (connection_id, id);
CREATE INDEX connection_requests_session ON connection_requests (session_id);
CREATE INDEX connection_requests_expires ON connection_requests (expires_at);

CREATE TABLE service_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection_id BIGINT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    mask TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX service_keys_connection ON service_keys (connection_id, id);

-- Notices to deliver: written in the transaction of the event, sent afterwards, retried until delivered.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL CHECK (channel IN ('email', 'webhook')),
    message_id TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT NOT NULL DEFAULT 0,
    delivered_at BIGINT,
    abandoned_at BIGINT,
    trouble TEXT NOT NULL DEFAULT ''
);
CREATE INDEX outbox_due ON outbox (due_at, id);
