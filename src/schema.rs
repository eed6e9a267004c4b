//! The tables, defined once for SQLite and PostgreSQL. A test compares both migration folders with this file.
//!
//! Longer than 300 lines, because diesel's `joinable!` and `allow_tables_to_appear_in_same_query!` need every table in one
//! module.

#![expect(missing_docs, reason = "the columns are described in the migrations")]

diesel::table! {
    accounts (id) {
        id -> BigInt,
        name -> Text,
        time_zone -> Text,
        key_check -> Binary,
        created_at -> BigInt,
        restored_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    installation (id) {
        id -> BigInt,
        schema_version -> Text,
        public_url -> Text,
    }
}

diesel::table! {
    businesses (id) {
        id -> BigInt,
        name -> Text,
        currency -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    business_locations (id) {
        id -> BigInt,
        business_id -> BigInt,
        name -> Text,
        country -> Text,
        time_zone -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    employees (id) {
        id -> BigInt,
        name -> Text,
        name_fold -> Text,
        email -> Text,
        email_fold -> Text,
        role -> Text,
        password_hash -> Nullable<Text>,
        created_at -> BigInt,
        locked_at -> Nullable<BigInt>,
        archived_at -> Nullable<BigInt>,
        last_signed_in_at -> BigInt,
        revoked_refresh_tokens_through -> BigInt,
        revoked_access_tokens_through -> BigInt,
        token_flags_due -> BigInt,
        erased_at -> Nullable<BigInt>,
        grant_count -> BigInt,
        grants_counted_at -> BigInt,
        linked_at -> Nullable<BigInt>,
        is_break_glass -> Bool,
    }
}

diesel::table! {
    employee_identities (id) {
        id -> BigInt,
        employee_id -> BigInt,
        issuer -> Text,
        subject -> Text,
        created_at -> BigInt,
        last_used_at -> BigInt,
    }
}

diesel::table! {
    employee_locations (employee_id, business_location_id) {
        employee_id -> BigInt,
        business_location_id -> BigInt,
    }
}

diesel::table! {
    one_time_links (id) {
        id -> BigInt,
        purpose -> Text,
        employee_id -> Nullable<BigInt>,
        hash -> Binary,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> BigInt,
        key_hash -> Binary,
        employee_id -> BigInt,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        client_ip -> Text,
        user_agent -> Text,
        state -> Text,
        confirmed_at -> BigInt,
        confirmed_hash -> Nullable<Binary>,
        identity_id -> Nullable<BigInt>,
        provider_session -> Text,
        authenticated_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    held_forms (id) {
        id -> BigInt,
        session_id -> BigInt,
        address -> Text,
        form -> Nullable<Binary>,
        created_at -> BigInt,
    }
}

diesel::table! {
    reset_requests (id) {
        id -> BigInt,
        email_fold -> Text,
        client_ip -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    second_factors (id) {
        id -> BigInt,
        app_secret -> Nullable<Binary>,
        app_added_at -> BigInt,
        app_used_at -> BigInt,
        used_step -> BigInt,
        failures -> BigInt,
        blocked_until -> BigInt,
    }
}

diesel::table! {
    recovery_codes (id) {
        id -> BigInt,
        employee_id -> BigInt,
        hash -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    passkeys (id) {
        id -> BigInt,
        employee_id -> BigInt,
        name -> Text,
        credential_id -> Binary,
        public_key -> Binary,
        user_handle -> Binary,
        use_count -> BigInt,
        created_at -> BigInt,
        last_used_at -> BigInt,
    }
}

diesel::table! {
    required_second_factors (role) {
        role -> Text,
        required_at -> BigInt,
    }
}

diesel::table! {
    sign_in_attempts (subject) {
        subject -> Text,
        failures -> BigInt,
        last_failed_at -> BigInt,
        blocked_until -> BigInt,
        hour -> BigInt,
        recorded -> BigInt,
        unrecorded -> BigInt,
    }
}

diesel::table! {
    failed_secrets (client, network) {
        client -> Text,
        network -> Text,
        since -> BigInt,
        failures -> BigInt,
    }
}

diesel::table! {
    form_nonces (nonce) {
        nonce -> Text,
        used_at -> BigInt,
    }
}

diesel::table! {
    clients (id) {
        id -> BigInt,
        client_id -> Text,
        name -> Text,
        name_fold -> Text,
        website -> Text,
        created_at -> BigInt,
        lightspeed_approved_at -> Nullable<BigInt>,
        approved_at -> Nullable<BigInt>,
        suspended_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        last_used_at -> BigInt,
        valid_refresh_tokens -> BigInt,
        valid_access_tokens -> BigInt,
        employee_count -> BigInt,
        counted_at -> BigInt,
        publicly_distributed -> Bool,
        requires_pkce -> Bool,
        grants_end_after -> Nullable<BigInt>,
        contact_name -> Text,
        contact_email -> Text,
        contact_phone -> Text,
        lightspeed_approved_by -> Text,
        approved_by -> Text,
        suspended_by -> Text,
        bucket_size -> Nullable<BigInt>,
        drip_rate_tenths -> Nullable<BigInt>,
        burst_limit -> Nullable<BigInt>,
        suspended_reason -> Text,
        access_level -> BigInt,
    }
}

diesel::table! {
    refresh_tokens (id) {
        id -> BigInt,
        client_id -> BigInt,
        employee_id -> BigInt,
        prefix -> Text,
        scope -> Text,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
        generation -> BigInt,
        rotated_at -> BigInt,
        generation_used_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        pairs -> BigInt,
        rotated_from -> Text,
        grant_hash -> Nullable<Binary>,
        bulk_revocation_id -> Nullable<BigInt>,
        full_access -> Bool,
        beyond_role -> Bool,
        owner_inactive -> Bool,
        last_used_address -> Text,
    }
}

diesel::table! {
    refresh_token_values (id) {
        id -> BigInt,
        refresh_token_id -> BigInt,
        hash -> Binary,
        generation -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        replaced_at -> Nullable<BigInt>,
        earlier_format -> Bool,
    }
}

diesel::table! {
    access_tokens (id) {
        id -> BigInt,
        client_id -> BigInt,
        employee_id -> BigInt,
        refresh_token_id -> Nullable<BigInt>,
        hash -> Binary,
        prefix -> Text,
        scope -> Text,
        label -> Text,
        generation -> BigInt,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
        full_access -> Bool,
        beyond_role -> Bool,
        owner_inactive -> Bool,
        last_used_address -> Text,
        previous_hash -> Nullable<Binary>,
        previous_expires_at -> BigInt,
        rotated_at -> BigInt,
    }
}

diesel::table! {
    ended_tokens (id) {
        id -> BigInt,
        client_id -> BigInt,
        employee_id -> BigInt,
        refresh_token_id -> BigInt,
        hash -> Binary,
        prefix -> Text,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    redirect_uris (id) {
        id -> BigInt,
        client_id -> BigInt,
        uri -> Text,
        origin -> Nullable<Text>,
    }
}

diesel::table! {
    client_secrets (id) {
        id -> BigInt,
        client_id -> BigInt,
        hash -> Binary,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    resource_servers (id) {
        id -> BigInt,
        resource_server_id -> Text,
        name -> Text,
        hash -> Binary,
        created_at -> BigInt,
        secret_created_at -> BigInt,
        last_used_at -> BigInt,
    }
}

diesel::table! {
    api_tokens (id) {
        id -> BigInt,
        employee_id -> BigInt,
        service -> Text,
        name -> Text,
        name_fold -> Text,
        hash -> Binary,
        prefix -> Text,
        role -> Text,
        areas -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        last_used_at -> BigInt,
        last_used_address -> Text,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    idempotency_keys (id) {
        id -> BigInt,
        api_token_id -> BigInt,
        key_hash -> Binary,
        request_hash -> Binary,
        status -> Nullable<Integer>,
        answer -> Nullable<Binary>,
        created_at -> BigInt,
    }
}

diesel::table! {
    authorization_codes (id) {
        id -> BigInt,
        client_id -> BigInt,
        employee_id -> BigInt,
        hash -> Binary,
        scope -> Text,
        redirect_uri -> Nullable<Text>,
        code_challenge -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
        redeemed_at -> Nullable<BigInt>,
        refresh_token_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    token_failures (id) {
        id -> BigInt,
        client_id -> BigInt,
        at -> BigInt,
        grant_type -> Text,
        error -> Text,
        hint -> Text,
        client_ip -> Text,
    }
}

diesel::table! {
    client_days (client_id, day) {
        client_id -> BigInt,
        day -> BigInt,
        calls -> BigInt,
        refreshes -> BigInt,
        refusals -> BigInt,
    }
}

diesel::table! {
    api_key_days (api_key_id, day) {
        api_key_id -> BigInt,
        day -> BigInt,
        calls -> BigInt,
    }
}

diesel::table! {
    purges (id) {
        id -> BigInt,
        subject_kind -> Text,
        subject_id -> BigInt,
        subject_name -> Text,
        total -> BigInt,
        deleted_refresh_tokens -> BigInt,
        deleted_access_tokens -> BigInt,
        created_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        deleted_api_keys -> BigInt,
    }
}

diesel::table! {
    bulk_revocations (id) {
        id -> BigInt,
        state -> Text,
        selection -> Text,
        actor_id -> BigInt,
        actor_name -> Text,
        client_ip -> Text,
        judged_at -> BigInt,
        refresh_tokens_through -> BigInt,
        access_tokens_through -> BigInt,
        place_value -> Nullable<BigInt>,
        place_id -> Nullable<BigInt>,
        searched -> BigInt,
        matched -> BigInt,
        tally -> Text,
        revoked_refresh_tokens -> BigInt,
        revoked_api_keys -> BigInt,
        deleted_refresh_tokens -> BigInt,
        deleted_access_tokens -> BigInt,
        ended_early -> Text,
        confirmed_at -> Nullable<BigInt>,
        stop_requested_at -> Nullable<BigInt>,
        stopped_by -> Text,
        access_ended_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    activity (id) {
        id -> BigInt,
        at -> BigInt,
        kind -> Text,
        actor_id -> Nullable<BigInt>,
        actor_name -> Text,
        subject_kind -> Text,
        subject_id -> BigInt,
        subject_name -> Text,
        employee_id -> Nullable<BigInt>,
        detail -> Text,
        client_ip -> Text,
    }
}

diesel::table! {
    activity_clients (client_id, activity_id) {
        client_id -> BigInt,
        activity_id -> BigInt,
    }
}

diesel::table! {
    activity_unsealed (activity_id) {
        activity_id -> BigInt,
        mac -> Binary,
        refused_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    activity_chain (id) {
        id -> BigInt,
        key -> Nullable<Binary>,
        keyed_from -> BigInt,
        keyed_from_seal -> Binary,
        archived_number -> BigInt,
        archived_seal -> Binary,
        mac -> Binary,
    }
}

diesel::table! {
    activity_seals (id) {
        id -> BigInt,
        activity_id -> BigInt,
        seal -> Binary,
    }
}

diesel::table! {
    activity_redactions (activity_id) {
        activity_id -> BigInt,
        at -> BigInt,
        mac -> Binary,
    }
}

diesel::table! {
    erasures (employee_id) {
        employee_id -> BigInt,
        name -> Text,
        email -> Text,
        started_at -> BigInt,
        through_activity_id -> BigInt,
        done_activity_id -> BigInt,
    }
}

diesel::table! {
    acknowledgements (id) {
        id -> BigInt,
        rule -> Text,
        subject_kind -> Text,
        subject_id -> BigInt,
        subject_name -> Text,
        reason -> Text,
        quiet_until -> BigInt,
        employee_id -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    leases (name) {
        name -> Text,
        holder -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    oauth_clients (id) {
        id -> BigInt,
        name -> Text,
        name_fold -> Text,
        api_type -> Text,
        client_id -> Text,
        client_secret -> Nullable<Binary>,
        authorize_url -> Text,
        token_url -> Text,
        revoke_url -> Text,
        api_url -> Text,
        test_path -> Text,
        issuer -> Text,
        uses_pkce -> Bool,
        secret_in_header -> Bool,
        callback -> Text,
        created_at -> BigInt,
        secret_changed_at -> BigInt,
        account_member -> Text,
    }
}

diesel::table! {
    connections (id) {
        id -> BigInt,
        name -> Text,
        name_fold -> Text,
        oauth_client_id -> BigInt,
        business_id -> Nullable<BigInt>,
        domain_prefix -> Text,
        scope -> Text,
        granted_scope -> Text,
        access_token -> Nullable<Binary>,
        refresh_token -> Nullable<Binary>,
        access_expires_at -> BigInt,
        refresh_expires_at -> BigInt,
        access_life -> BigInt,
        due_at -> BigInt,
        version -> BigInt,
        lease_until -> BigInt,
        attempted_at -> Nullable<BigInt>,
        failures -> BigInt,
        last_error -> Text,
        failing_since -> Nullable<BigInt>,
        needs_authorization_since -> Nullable<BigInt>,
        reason -> Text,
        incident_since -> Nullable<BigInt>,
        paused_at -> Nullable<BigInt>,
        account_id -> Text,
        account_name -> Text,
        authorized_by -> Nullable<BigInt>,
        authorized_at -> BigInt,
        created_at -> BigInt,
        last_refreshed_at -> BigInt,
        last_used_at -> BigInt,
    }
}

diesel::table! {
    connection_events (id) {
        id -> BigInt,
        connection_id -> BigInt,
        at -> BigInt,
        kind -> Text,
        words -> Text,
        by_name -> Text,
    }
}

diesel::table! {
    connection_refusals (connection_id) {
        connection_id -> BigInt,
        refusals -> BigInt,
        first_at -> BigInt,
    }
}

diesel::table! {
    connection_requests (id) {
        id -> BigInt,
        connection_id -> BigInt,
        session_id -> BigInt,
        state_hash -> Binary,
        verifier -> Nullable<Binary>,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        held -> Nullable<Binary>,
    }
}

diesel::table! {
    service_keys (id) {
        id -> BigInt,
        connection_id -> BigInt,
        hash -> Binary,
        mask -> Text,
        label -> Text,
        created_at -> BigInt,
        created_by -> Text,
        last_used_at -> BigInt,
    }
}

diesel::table! {
    outbox (id) {
        id -> BigInt,
        channel -> Text,
        message_id -> Text,
        subject -> Text,
        body -> Text,
        created_at -> BigInt,
        due_at -> BigInt,
        attempts -> BigInt,
        lease_until -> BigInt,
        delivered_at -> Nullable<BigInt>,
        abandoned_at -> Nullable<BigInt>,
        last_error -> Text,
        kind -> Text,
        employee_id -> Nullable<BigInt>,
        recipient -> Nullable<Text>,
        sealed_link -> Nullable<Binary>,
        expires_at -> BigInt,
    }
}

diesel::table! {
    notice_choices (channel, kind) {
        channel -> Text,
        kind -> Text,
        is_sent -> Bool,
    }
}

diesel::table! {
    notice_marks (kind, subject_id) {
        kind -> Text,
        subject_id -> BigInt,
        marked_until -> BigInt,
    }
}

diesel::table! {
    mail_settings (id) {
        id -> BigInt,
        host -> Text,
        port -> BigInt,
        security -> Text,
        username -> Text,
        password -> Nullable<Binary>,
        sender -> Text,
        recipients -> Text,
    }
}

diesel::table! {
    webhook_settings (id) {
        id -> BigInt,
        url -> Nullable<Binary>,
        secret -> Nullable<Binary>,
        host -> Text,
    }
}

diesel::table! {
    identity_settings (id) {
        id -> BigInt,
        issuer -> Text,
        client_id -> Text,
        client_secret -> Nullable<Binary>,
        name -> Text,
        scopes -> Text,
        email_claim -> Text,
        groups_claim -> Text,
        roles -> Text,
        domains -> Text,
        creates -> Bool,
        passwords -> Bool,
    }
}

diesel::table! {
    digest_settings (id) {
        id -> BigInt,
        weekday -> BigInt,
        hour -> BigInt,
        by_email -> Bool,
        by_webhook -> Bool,
        even_if_empty -> Bool,
        not_before -> BigInt,
    }
}

diesel::joinable!(api_tokens -> employees (employee_id));
diesel::joinable!(idempotency_keys -> api_tokens (api_token_id));
diesel::joinable!(business_locations -> businesses (business_id));
diesel::joinable!(employee_locations -> employees (employee_id));
diesel::joinable!(employee_locations -> business_locations (business_location_id));
diesel::joinable!(employee_identities -> employees (employee_id));
diesel::joinable!(one_time_links -> employees (employee_id));
diesel::joinable!(sessions -> employees (employee_id));
diesel::joinable!(held_forms -> sessions (session_id));
diesel::joinable!(sessions -> employee_identities (identity_id));
diesel::joinable!(refresh_tokens -> clients (client_id));
diesel::joinable!(refresh_tokens -> employees (employee_id));
diesel::joinable!(refresh_token_values -> refresh_tokens (refresh_token_id));
diesel::joinable!(access_tokens -> clients (client_id));
diesel::joinable!(access_tokens -> employees (employee_id));
diesel::joinable!(access_tokens -> refresh_tokens (refresh_token_id));
diesel::joinable!(redirect_uris -> clients (client_id));
diesel::joinable!(client_secrets -> clients (client_id));
diesel::joinable!(authorization_codes -> clients (client_id));
diesel::joinable!(authorization_codes -> employees (employee_id));
diesel::joinable!(token_failures -> clients (client_id));
diesel::joinable!(client_days -> clients (client_id));
diesel::joinable!(acknowledgements -> employees (employee_id));
diesel::joinable!(connections -> oauth_clients (oauth_client_id));
diesel::joinable!(connections -> businesses (business_id));
diesel::joinable!(connections -> employees (authorized_by));
diesel::joinable!(connection_events -> connections (connection_id));
diesel::joinable!(connection_refusals -> connections (connection_id));
diesel::joinable!(connection_requests -> connections (connection_id));
diesel::joinable!(connection_requests -> sessions (session_id));
diesel::joinable!(service_keys -> connections (connection_id));
diesel::allow_tables_to_appear_in_same_query!(
    accounts,
    installation,
    businesses,
    business_locations,
    employees,
    employee_identities,
    employee_locations,
    one_time_links,
    sessions,
    reset_requests,
    held_forms,
    second_factors,
    recovery_codes,
    passkeys,
    required_second_factors,
    sign_in_attempts,
    failed_secrets,
    form_nonces,
    clients,
    refresh_tokens,
    refresh_token_values,
    access_tokens,
    ended_tokens,
    redirect_uris,
    client_secrets,
    resource_servers,
    api_tokens,
    idempotency_keys,
    authorization_codes,
    token_failures,
    client_days,
    api_key_days,
    purges,
    activity,
    activity_chain,
    activity_clients,
    activity_redactions,
    activity_seals,
    activity_unsealed,
    erasures,
    acknowledgements,
    leases,
    oauth_clients,
    connections,
    connection_events,
    connection_refusals,
    connection_requests,
    service_keys,
    outbox,
    notice_choices,
    notice_marks,
    mail_settings,
    webhook_settings,
    digest_settings,
    identity_settings,
);
