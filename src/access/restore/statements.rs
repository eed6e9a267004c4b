//! What the database that is replaced says about the rows of a backup, as SQL: Diesel has no names for the tables of an attached
//! database. `replaced` is that database, `main` is the one that is restored. Tables whose names begin with `gone_` hold what
//! the backup has and the replaced database revoked or deleted.

/// Finds what was revoked or deleted since the backup. A row that was marked and not yet deleted counts as deleted.
pub(super) const FIND: &[&str] = &[
    "CREATE TEMP TABLE gone_clients AS SELECT c.id AS id, c.name AS name FROM main.clients c
     WHERE NOT EXISTS (SELECT 1 FROM replaced.clients o
         WHERE o.id = c.id AND o.client_id = c.client_id AND o.revoked_at IS NULL)",
    "CREATE UNIQUE INDEX temp.gone_clients_id ON gone_clients (id)",
    "CREATE TEMP TABLE gone_refresh_tokens AS
     SELECT r.id AS id, r.prefix AS prefix, r.client_id AS client_id, r.expires_at AS expires_at FROM main.refresh_tokens r
     WHERE r.client_id IN (SELECT id FROM gone_clients) OR NOT EXISTS (
         SELECT 1 FROM replaced.refresh_tokens o JOIN replaced.employees e ON e.id = o.employee_id
         WHERE o.id = r.id AND o.client_id = r.client_id AND o.created_at = r.created_at AND o.revoked_at IS NULL
         AND o.id > e.revoked_refresh_tokens_through)",
    "CREATE UNIQUE INDEX temp.gone_refresh_tokens_id ON gone_refresh_tokens (id)",
    // A key that was handed over to somebody whom the backup does not know has no owner in it.
    "CREATE TEMP TABLE gone_api_keys AS
     SELECT a.id AS id, a.prefix AS prefix, a.client_id AS client_id, a.expires_at AS expires_at FROM main.access_tokens a
     WHERE a.refresh_token_id IS NULL AND (a.client_id IN (SELECT id FROM gone_clients) OR NOT EXISTS (
         SELECT 1 FROM replaced.access_tokens o JOIN replaced.employees e ON e.id = o.employee_id
         WHERE o.id = a.id AND o.refresh_token_id IS NULL AND o.client_id = a.client_id
         AND o.id > e.revoked_access_tokens_through
         AND EXISTS (SELECT 1 FROM main.employees m WHERE m.id = o.employee_id)))",
    "CREATE UNIQUE INDEX temp.gone_api_keys_id ON gone_api_keys (id)",
    "CREATE TEMP TABLE kept_api_keys AS SELECT a.id AS id FROM main.access_tokens a
     WHERE a.refresh_token_id IS NULL AND a.id NOT IN (SELECT id FROM gone_api_keys)",
    "CREATE UNIQUE INDEX temp.kept_api_keys_id ON kept_api_keys (id)",
    "CREATE TEMP TABLE gone_access_tokens AS SELECT a.id AS id, a.expires_at AS expires_at FROM main.access_tokens a
     WHERE a.refresh_token_id IS NOT NULL AND (a.refresh_token_id IN (SELECT id FROM gone_refresh_tokens)
         OR NOT EXISTS (SELECT 1 FROM replaced.access_tokens o WHERE o.id = a.id AND o.hash = a.hash))",
    "CREATE UNIQUE INDEX temp.gone_access_tokens_id ON gone_access_tokens (id)",
];

/// Makes people as the replaced database has them, as far as they lost access. Whoever got more rights since does not keep them.
pub(super) const PEOPLE: &[&str] = &[
    "UPDATE main.employees SET
         locked_at = coalesce(main.employees.locked_at, o.locked_at),
         archived_at = coalesce(main.employees.archived_at, o.archived_at),
         role = CASE WHEN o.role = 'staff' OR main.employees.role = 'staff' THEN 'staff'
             WHEN o.role = 'manager' OR main.employees.role = 'manager' THEN 'manager' ELSE 'admin' END,
         password_hash = o.password_hash,
         linked_at = CASE WHEN o.linked_at IS NULL THEN NULL ELSE main.employees.linked_at END
     FROM replaced.employees o WHERE o.id = main.employees.id",
    "UPDATE main.employees SET archived_at = coalesce(archived_at, created_at), password_hash = NULL, linked_at = NULL
     WHERE id NOT IN (SELECT id FROM replaced.employees)",
    "DELETE FROM main.employee_identities WHERE NOT EXISTS (
         SELECT 1 FROM replaced.employee_identities o WHERE o.employee_id = main.employee_identities.employee_id
         AND o.issuer = main.employee_identities.issuer AND o.subject = main.employee_identities.subject)",
    // A code that was used, and a factor that was removed or reset, stays so.
    "DELETE FROM main.second_factors",
    "INSERT INTO main.second_factors (id, app_secret, app_added_at, app_used_at, used_step, failures, blocked_until)
     SELECT id, app_secret, app_added_at, app_used_at, used_step, failures, blocked_until
     FROM replaced.second_factors WHERE id IN (SELECT id FROM main.employees)",
    "DELETE FROM main.recovery_codes",
    "INSERT INTO main.recovery_codes (id, employee_id, hash, created_at)
     SELECT id, employee_id, hash, created_at
     FROM replaced.recovery_codes WHERE employee_id IN (SELECT id FROM main.employees)",
    "DELETE FROM main.passkeys",
    "INSERT INTO main.passkeys
         (id, employee_id, name, credential_id, public_key, user_handle, use_count, created_at, last_used_at)
     SELECT id, employee_id, name, credential_id, public_key, user_handle, use_count, created_at, last_used_at
     FROM replaced.passkeys WHERE employee_id IN (SELECT id FROM main.employees)",
    "UPDATE main.employees SET token_flags_due = token_flags_due + 1, grants_counted_at = 0",
];

/// Deletes what was revoked, and makes what was rotated or limited so again.
pub(super) const TOKENS: &[&str] = &[
    "DELETE FROM main.access_tokens WHERE id IN (SELECT id FROM gone_access_tokens)
         OR id IN (SELECT id FROM gone_api_keys)",
    "DELETE FROM main.refresh_tokens WHERE id IN (SELECT id FROM gone_refresh_tokens)",
    "DELETE FROM main.clients WHERE id IN (SELECT id FROM gone_clients)",
    // The older values of a grant that was refreshed since count as reuse, and its client keeps the newest one.
    "UPDATE main.refresh_tokens SET last_used_at = o.last_used_at, last_used_address = o.last_used_address,
         scope = o.scope, expires_at = o.expires_at, generation = o.generation, rotated_at = o.rotated_at,
         generation_used_at = o.generation_used_at, pairs = o.pairs, rotated_from = o.rotated_from,
         grant_hash = o.grant_hash, bulk_revocation_id = o.bulk_revocation_id
     FROM replaced.refresh_tokens o WHERE o.id = main.refresh_tokens.id AND (
         o.generation <> main.refresh_tokens.generation OR o.rotated_at <> main.refresh_tokens.rotated_at
         OR o.pairs <> main.refresh_tokens.pairs OR o.expires_at <> main.refresh_tokens.expires_at
         OR o.last_used_at <> main.refresh_tokens.last_used_at
         OR o.generation_used_at IS NOT main.refresh_tokens.generation_used_at
         OR o.grant_hash IS NOT main.refresh_tokens.grant_hash
         OR o.bulk_revocation_id IS NOT main.refresh_tokens.bulk_revocation_id)",
    "DELETE FROM main.refresh_token_values WHERE NOT EXISTS (
         SELECT 1 FROM replaced.refresh_token_values o WHERE o.id = main.refresh_token_values.id
         AND o.hash = main.refresh_token_values.hash AND o.generation = main.refresh_token_values.generation
         AND o.expires_at = main.refresh_token_values.expires_at
         AND o.replaced_at IS main.refresh_token_values.replaced_at)",
    "INSERT INTO main.refresh_token_values
         (id, refresh_token_id, hash, generation, created_at, expires_at, replaced_at, earlier_format)
     SELECT id, refresh_token_id, hash, generation, created_at, expires_at, replaced_at, earlier_format
     FROM replaced.refresh_token_values o WHERE o.refresh_token_id IN (SELECT id FROM main.refresh_tokens)
         AND NOT EXISTS (SELECT 1 FROM main.refresh_token_values m WHERE m.id = o.id)",
    // An API key with another value, owner or end is replaced as a whole.
    "DELETE FROM main.access_tokens WHERE refresh_token_id IS NULL AND NOT EXISTS (
         SELECT 1 FROM replaced.access_tokens o WHERE o.id = main.access_tokens.id AND o.hash = main.access_tokens.hash
         AND o.employee_id = main.access_tokens.employee_id AND o.scope = main.access_tokens.scope
         AND o.expires_at = main.access_tokens.expires_at AND o.previous_hash IS main.access_tokens.previous_hash
         AND o.previous_expires_at = main.access_tokens.previous_expires_at)",
    "INSERT INTO main.access_tokens (id, client_id, employee_id, refresh_token_id, hash, prefix, scope, label, generation,
         created_at, last_used_at, expires_at, full_access, beyond_role, owner_inactive, last_used_address,
         previous_hash, previous_expires_at, rotated_at)
     SELECT id, client_id, employee_id, refresh_token_id, hash, prefix, scope, label, generation,
         created_at, last_used_at, expires_at, full_access, beyond_role, owner_inactive, last_used_address,
         previous_hash, previous_expires_at, rotated_at
     FROM replaced.access_tokens o WHERE NOT EXISTS (SELECT 1 FROM main.access_tokens m WHERE m.id = o.id)
         AND ((o.refresh_token_id IS NULL AND o.id IN (SELECT id FROM kept_api_keys))
             OR o.refresh_token_id IN (SELECT id FROM main.refresh_tokens))",
];

/// API tokens that were revoked or deleted since are so again.
pub(super) const API_TOKENS: &[&str] = &[
    "DELETE FROM main.api_tokens WHERE NOT EXISTS (
         SELECT 1 FROM replaced.api_tokens o WHERE o.id = main.api_tokens.id AND o.hash = main.api_tokens.hash)",
    "UPDATE main.api_tokens SET revoked_at = coalesce(main.api_tokens.revoked_at, o.revoked_at)
     FROM replaced.api_tokens o WHERE o.id = main.api_tokens.id",
];

/// Makes clients and resource servers as limited as in the replaced database, with the secrets it has.
pub(super) const CLIENTS: &[&str] = &[
    "UPDATE main.clients SET suspended_at = o.suspended_at, suspended_by = o.suspended_by,
         suspended_reason = o.suspended_reason
     FROM replaced.clients o WHERE o.id = main.clients.id AND o.suspended_at IS NOT NULL
         AND main.clients.suspended_at IS NULL",
    "UPDATE main.clients SET approved_at = NULL, approved_by = ''
     FROM replaced.clients o WHERE o.id = main.clients.id AND o.approved_at IS NULL",
    "UPDATE main.clients SET lightspeed_approved_at = NULL, lightspeed_approved_by = ''
     FROM replaced.clients o WHERE o.id = main.clients.id AND o.lightspeed_approved_at IS NULL",
    "UPDATE main.clients SET requires_pkce = TRUE
     FROM replaced.clients o WHERE o.id = main.clients.id AND o.requires_pkce",
    "UPDATE main.clients SET grants_end_after = o.grants_end_after
     FROM replaced.clients o WHERE o.id = main.clients.id AND o.grants_end_after IS NOT NULL
         AND (main.clients.grants_end_after IS NULL OR main.clients.grants_end_after > o.grants_end_after)",
    "UPDATE main.clients SET counted_at = 0",
    "DELETE FROM main.redirect_uris WHERE NOT EXISTS (
         SELECT 1 FROM replaced.redirect_uris o WHERE o.client_id = main.redirect_uris.client_id
         AND o.uri = main.redirect_uris.uri)",
    "DELETE FROM main.client_secrets WHERE NOT EXISTS (
         SELECT 1 FROM replaced.client_secrets o WHERE o.id = main.client_secrets.id AND o.hash = main.client_secrets.hash
         AND o.expires_at = main.client_secrets.expires_at)",
    "INSERT INTO main.client_secrets (id, client_id, hash, created_at, last_used_at, expires_at)
     SELECT id, client_id, hash, created_at, last_used_at, expires_at FROM replaced.client_secrets o
     WHERE o.client_id IN (SELECT id FROM main.clients)
         AND NOT EXISTS (SELECT 1 FROM main.client_secrets m WHERE m.id = o.id)",
    "DELETE FROM main.resource_servers WHERE NOT EXISTS (
         SELECT 1 FROM replaced.resource_servers o WHERE o.id = main.resource_servers.id
         AND o.resource_server_id = main.resource_servers.resource_server_id)",
    "UPDATE main.resource_servers SET hash = o.hash, secret_created_at = o.secret_created_at
     FROM replaced.resource_servers o WHERE o.id = main.resource_servers.id AND o.hash <> main.resource_servers.hash",
];

/// Connections that were disconnected stay so. The others get the tokens of the replaced database: a provider replaces refresh
/// tokens, and would take an older one for a stolen one.
pub(super) const CONNECTIONS: &[&str] = &[
    "DELETE FROM main.connections WHERE id NOT IN (SELECT id FROM replaced.connections)",
    "DELETE FROM main.service_keys WHERE NOT EXISTS (
         SELECT 1 FROM replaced.service_keys o WHERE o.id = main.service_keys.id AND o.hash = main.service_keys.hash)",
    // Names are unique; app credentials that were renamed since may have the name of others.
    "INSERT INTO main.oauth_clients (id, name, name_fold, api_type, client_id, client_secret, authorize_url, token_url,
         revoke_url, api_url, test_path, issuer, uses_pkce, secret_in_header, callback, created_at, secret_changed_at,
         account_member)
     SELECT id, name, CASE WHEN name_fold IN (SELECT name_fold FROM main.oauth_clients) THEN name_fold || ' ' || id
         ELSE name_fold END, api_type, client_id, client_secret, authorize_url, token_url,
         revoke_url, api_url, test_path, issuer, uses_pkce, secret_in_header, callback, created_at, secret_changed_at,
         account_member
     FROM replaced.oauth_clients o WHERE NOT EXISTS (SELECT 1 FROM main.oauth_clients m WHERE m.id = o.id)
         AND EXISTS (SELECT 1 FROM replaced.connections c JOIN main.connections k ON k.id = c.id
             WHERE c.oauth_client_id = o.id)",
    "UPDATE main.oauth_clients SET client_id = o.client_id, client_secret = o.client_secret,
         authorize_url = o.authorize_url, token_url = o.token_url, revoke_url = o.revoke_url, api_url = o.api_url,
         issuer = o.issuer, uses_pkce = o.uses_pkce, secret_in_header = o.secret_in_header, callback = o.callback,
         secret_changed_at = o.secret_changed_at
     FROM replaced.oauth_clients o WHERE o.id = main.oauth_clients.id",
    "UPDATE main.connections SET oauth_client_id = o.oauth_client_id, domain_prefix = o.domain_prefix, scope = o.scope,
         granted_scope = o.granted_scope, access_token = o.access_token, refresh_token = o.refresh_token,
         access_expires_at = o.access_expires_at, refresh_expires_at = o.refresh_expires_at, access_life = o.access_life,
         due_at = o.due_at, version = max(o.version, main.connections.version) + 1, lease_until = 0,
         attempted_at = o.attempted_at, failures = o.failures, last_error = o.last_error,
         failing_since = o.failing_since, needs_authorization_since = o.needs_authorization_since, reason = o.reason,
         incident_since = o.incident_since, paused_at = coalesce(o.paused_at, main.connections.paused_at),
         account_id = o.account_id, account_name = o.account_name,
         authorized_by = (SELECT id FROM main.employees WHERE id = o.authorized_by), authorized_at = o.authorized_at,
         last_refreshed_at = o.last_refreshed_at, last_used_at = o.last_used_at
     FROM replaced.connections o WHERE o.id = main.connections.id",
    "DELETE FROM main.oauth_clients WHERE id NOT IN (SELECT id FROM replaced.oauth_clients)
         AND id NOT IN (SELECT oauth_client_id FROM main.connections)",
];

/// Tables that are taken from the replaced database as a whole: what is on its way to people, what was counted against
/// guessers, what was entered about notices, and bulk revocations, which continue.
pub(super) const WHOLE_TABLES: &[(&str, &str)] = &[
    (
        "outbox",
        "id, channel, message_id, subject, body, created_at, due_at, attempts, lease_until, delivered_at, abandoned_at, \
         last_error, kind, employee_id, recipient, sealed_link, expires_at",
    ),
    ("required_second_factors", "role, required_at"),
    ("sign_in_attempts", "subject, failures, last_failed_at, blocked_until, hour, recorded, unrecorded"),
    ("failed_secrets", "client, network, since, failures"),
    ("form_nonces", "nonce, used_at"),
    ("notice_choices", "channel, kind, is_sent"),
    ("notice_marks", "kind, subject_id, marked_until"),
    ("mail_settings", "id, host, port, security, username, password, sender, recipients"),
    ("webhook_settings", "id, url, secret, host"),
    (
        "identity_settings",
        "id, issuer, client_id, client_secret, name, scopes, email_claim, groups_claim, roles, domains, creates, passwords",
    ),
    ("digest_settings", "id, weekday, hour, by_email, by_webhook, even_if_empty, not_before"),
    (
        "bulk_revocations",
        "id, state, selection, actor_id, actor_name, client_ip, judged_at, refresh_tokens_through, \
         access_tokens_through, place_value, place_id, searched, matched, tally, revoked_refresh_tokens, revoked_api_keys, \
         deleted_refresh_tokens, deleted_access_tokens, ended_early, confirmed_at, stop_requested_at, stopped_by, \
         access_ended_at, finished_at",
    ),
];

/// Ids continue beyond both: an id that the replaced database used never names something else.
pub(super) const IDS: &[&str] = &[
    "UPDATE main.sqlite_sequence SET seq = max(main.sqlite_sequence.seq, o.seq)
     FROM replaced.sqlite_sequence o WHERE o.name = main.sqlite_sequence.name",
    "INSERT INTO main.sqlite_sequence (name, seq) SELECT name, seq FROM replaced.sqlite_sequence o
     WHERE o.name NOT IN (SELECT name FROM main.sqlite_sequence)
         AND o.name IN (SELECT name FROM main.sqlite_master WHERE type = 'table')",
];
