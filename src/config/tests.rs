//! Which settings are accepted, and what is said of those that are not.

use super::*;

fn settings() -> Settings {
    Settings {
        listen: "127.0.0.1:8080".into(),
        data_dir: "./data".into(),
        database_connections: "8".into(),
        max_connections: "900".into(),
        max_connections_per_network: "200".into(),
        header_seconds: "5".into(),
        body_seconds: "10".into(),
        handler_seconds: "60".into(),
        keep_alive_seconds: "5".into(),
        keep_expired_days: "7".into(),
        access_token_seconds: "3600".into(),
        refresh_token_days: "30".into(),
        public_registration: "off".into(),
        outbound_private: "off".into(),
        log_level: "info".into(),
        log_format: "text".into(),
        ..Settings::default()
    }
}

#[test]
fn the_defaults_serve_plain_http_on_loopback_from_a_file_in_the_data_folder() {
    let config = Config::from_settings(&settings()).expect("valid settings");

    assert_eq!(config.public_url.origin(), "http://127.0.0.1:8080");
    assert_eq!(config.public_url.cookie_name("session"), "session-8080");
    assert_eq!(config.database, DatabaseUrl::Sqlite("./data/client-api-access.db".into()));
}

#[test]
fn every_invalid_setting_is_named_at_once() {
    let wrong = Settings {
        listen: "everywhere".into(),
        metrics_listen: Some("8.8.8.8:9100".into()),
        public_url: Some("http://pos.example".into()),
        data_dir: "/no/such/folder/data".into(),
        database_url: Some("mysql://root:hunter2@db/shop".into()),
        database_connections: "0".into(),
        trusted_proxies: "10.0.0.0/8, proxy".into(),
        max_connections: "7".into(),
        max_connections_per_network: "0".into(),
        header_seconds: "0".into(),
        body_seconds: "0".into(),
        handler_seconds: "3601".into(),
        keep_alive_seconds: "-1".into(),
        keep_expired_days: "soon".into(),
        access_token_seconds: "soon".into(),
        refresh_token_days: "0".into(),
        public_registration: "maybe".into(),
        outbound_private: "perhaps".into(),
        outbound_ca: Some("/no/such/file.pem".into()),
        identity: IdentitySettings { oidc_issuer: Some("ftp://login".into()), ..IdentitySettings::default() },
        notices: NoticeSettings { notices_from: Some("nobody".into()), ..NoticeSettings::default() },
        log_level: "loud".into(),
        log_format: "xml".into(),
    };
    let lines = Config::from_settings(&wrong).expect_err("all are invalid").join("\n");
    let names = "LISTEN PUBLIC_URL DATA_DIR DATABASE_URL CONNECTIONS PROXIES MAX_CONNECTIONS PER_NETWORK HEADER BODY HANDLER KEEP_ALIVE KEEP_EXPIRED SECONDS REFRESH REGISTRATION PRIVATE \
         OUTBOUND_CA SMTP_URL NOTICES_FROM NOTICES_TO LOG_LEVEL METRICS_LISTEN LOG_FORMAT OIDC_ISSUER OIDC_CLIENT_ID";
    for name in names.split(' ') {
        assert!(lines.contains(name), "{name} is missing in {lines}");
    }
    assert!(!lines.contains("hunter2"));
}

#[test]
fn listening_beyond_loopback_requires_an_https_url() {
    let open = Settings { listen: "0.0.0.0:80".into(), ..settings() };
    assert!(Config::from_settings(&open).is_err());
    let proxied = Settings { public_url: Some("https://pos.example/".into()), ..open };
    let config = Config::from_settings(&proxied).expect("valid settings");
    assert_eq!(config.public_url.origin(), "https://pos.example");
    assert_eq!(config.public_url.cookie_name("session"), "__Host-session");
}

#[cfg(feature = "postgres-any")]
#[test]
fn postgresql_without_tls_on_another_host_requires_sslmode_disable() {
    let with = |url: &str| Config::from_settings(&Settings { database_url: Some(url.into()), ..settings() });

    assert!(with("postgres://shop@localhost/shop").is_ok());
    assert!(with("postgres://shop@db.internal/shop").is_err());
    assert!(with("postgres://shop@db.internal/shop?sslmode=disable").is_ok());
    assert!(with("postgres://shop@db.internal/shop?sslmode=require").is_err());
}
