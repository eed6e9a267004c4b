//! Outbound connections: made through the model, authorized, refreshed and used as people and programs do.

use std::sync::atomic::{AtomicU32, Ordering};

use client_api_access::connections::state;
use client_api_access::connections::state::{Authorized, TransitionContext};
use client_api_access::connections::{
    ApiType, Connection, ConnectionEvent, ConnectionFields, EventKind, OAuthClient, OAuthClientFields, ServiceKey,
    TokenReply,
};
use client_api_access::db::DbConnection;
use client_api_access::id::{ConnectionKey, OAuthClientKey};
use client_api_access::scopes::Role;
use client_api_access::time::Timestamp;
use serde_json::{Value, json};

use super::app::TestApp;
use super::browser::{Browser, Page};
use super::oauth::encode;
use super::records::Person;

/// The secret of every outbound client here.
pub const SECRET: &str = "s3cret/of+ours at the provider";

/// A connection in the making.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its row.
    pub id: ConnectionKey,
    /// What the shop is at the provider.
    pub client: OAuthClientKey,
    /// The end of the redirect URI.
    pub callback: String,
}

fn next() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// An "other server" at `origin` with everything below it.
pub fn other_server(origin: &str) -> OAuthClientFields {
    OAuthClientFields {
        name: format!("Client {}", next()),
        client_id: "ours".into(),
        authorize_url: format!("{origin}/authorize"),
        token_url: format!("{origin}/token"),
        revoke_url: format!("{origin}/revoke"),
        api_url: origin.into(),
        test_path: "/me".into(),
        account_member: String::new(),
        issuer: String::new(),
        uses_pkce: true,
        secret_in_header: false,
    }
}

/// What a token endpoint may have answered.
pub fn reply(json: Value) -> TokenReply {
    serde_json::from_value(json).unwrap()
}

/// Makes a connection that nobody has authorized yet.
pub fn make(
    conn: &mut DbConnection,
    transition_context: &TransitionContext,
    of: (ApiType, &OAuthClientFields),
    prefix: &str,
    now: Timestamp,
) -> Link {
    let callback = match of.0 {
        ApiType::Other => format!("slug{}", next()),
        known => known.word().to_string(),
    };
    let client = OAuthClient::create(conn, &transition_context.vault, (of.0, &callback), of.1, SECRET, now).unwrap();
    let fields = ConnectionFields {
        name: format!("Connection {}", next()),
        business: None,
        domain_prefix: prefix.into(),
        scope: "employee:inventory employee:register_read".into(),
    };
    let connection = Connection::create(conn, client.id, &fields, now).unwrap();
    Link { id: connection.id, client: client.id, callback }
}

/// Gives a connection tokens, as if somebody had brought them.
pub fn bring(
    conn: &mut DbConnection,
    transition_context: &TransitionContext,
    id: ConnectionKey,
    by: &Person,
    answer: &TokenReply,
    now: Timestamp,
) {
    let (connection, client) = Connection::with_client(conn, id).unwrap();
    let authorized = Authorized {
        account_id: "account:1".into(),
        account_name: "Harbour & Pine".into(),
        by: by.id,
        by_name: by.name.clone(),
        client_ip: "127.0.0.1".into(),
    };
    state::authorize(conn, transition_context, (&connection, &client), answer, &authorized, now).unwrap();
}

impl TestApp {
    /// A connection to a server of this kind that nobody has authorized yet.
    pub fn link_of(&self, of: (ApiType, &OAuthClientFields), prefix: &str) -> Link {
        make(&mut self.database.connect(), &self.state.connections.transition_context(), of, prefix, self.now())
    }

    /// A connection to an "other server" at `origin` that nobody has authorized yet.
    pub fn link(&self, origin: &str) -> Link {
        self.link_of((ApiType::Other, &other_server(origin)), "")
    }

    /// A connection whose access token lives so long from now.
    pub fn online(&self, origin: &str, seconds: i64) -> Link {
        let link = self.link(origin);
        let held = json!({ "access_token": format!("first-access-{}", link.id), "expires_in": seconds,
            "refresh_token": format!("first-refresh-{}", link.id) });
        self.bring(&link, held);
        link
    }

    /// Gives a connection tokens, as if somebody had brought them.
    pub fn bring(&self, link: &Link, answer: Value) {
        let by = self.shop().employee("Olle Owner", Role::Admin);
        bring(
            &mut self.database.connect(),
            &self.state.connections.transition_context(),
            link.id,
            &by,
            &reply(answer),
            self.now(),
        );
    }

    /// The row.
    pub fn connection(&self, link: &Link) -> Connection {
        Connection::find(&mut self.database.connect(), link.id).unwrap()
    }

    /// What it holds: access token and refresh token.
    pub fn held(&self, link: &Link) -> (String, String) {
        let connection = self.connection(link);
        let vault = &self.state.connections.vault;
        let (access, refresh) = (connection.access_token(vault).unwrap(), connection.refresh_token(vault).unwrap());
        (access.expose().to_string(), refresh.expose().to_string())
    }

    /// Its history, newest first.
    pub fn history(&self, link: &Link) -> Vec<(EventKind, String)> {
        let events = ConnectionEvent::page(&mut self.database.connect(), link.id, None).unwrap();
        events.into_iter().map(|event| (event.kind, event.words)).collect()
    }

    /// A new service key.
    pub fn service_key(&self, link: &Link) -> String {
        let key = ServiceKey::create(&mut self.database.connect(), link.id, ("Nightly export", "Ada"), self.now());
        key.unwrap().expose().to_string()
    }

    /// Calls through a connection.
    pub fn through(&self, link: &Link, key: &str, path: &str) -> Page {
        let mut program = Browser::new(&format!("http://{}", self.state.config.listen));
        program.origin_header = None;
        program.send("GET", &format!("/connect/{}{path}", link.id), &[super::oauth::bearer(key)], "")
    }

    /// Lets the clock pass the moment a connection is due, and does what is due.
    pub fn let_it_be_due(&self, link: &Link) {
        let due = self.connection(link).due_at;
        self.advance(due.since(self.now()).max(0));
        self.run_background();
    }
}

/// Sets out for a provider in a browser; the address it was sent to.
pub fn begin_authorization(browser: &mut Browser, link: &Link) -> String {
    let path = format!("/settings/connections/{}/authorize", link.id);
    let csrf = browser.csrf();
    let answer = browser.post(&path, &[("csrf", &csrf)]);
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.location()
}

/// One parameter of an address.
pub fn parameter(address: &str, name: &str) -> String {
    let address = url::Url::parse(address).unwrap();
    address.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Comes back from a provider.
pub fn verify_callback(browser: &mut Browser, link: &Link, fields: &[(&str, &str)]) -> Page {
    browser.get(&format!("/settings/connections/callback/{}?{}", link.callback, encode(fields)))
}
