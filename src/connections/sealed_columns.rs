//! The columns of connections that are encrypted at rest.

crate::db::sealed_columns::sealed_columns!(SEALED_COLUMNS:
    oauth_clients.client_secret,
    connections.access_token,
    connections.refresh_token,
    connection_requests.verifier,
    connection_requests.held,
);
