-- Failing connections, the longest first: pages name them.
CREATE INDEX connections_failing ON connections (failing_since, id)
    WHERE failing_since IS NOT NULL AND needs_authorization_since IS NULL AND paused_at IS NULL;
