//! Outbound connections that are there before a test begins, made by the code that keeps them.

use client_api_access::connections::state;
use client_api_access::connections::state::Authorized;
use client_api_access::connections::{ApiType, Connection, ConnectionFields, OAuthClient, OAuthClientFields};
use client_api_access::id::{ConnectionKey, OAuthClientKey};
use serde_json::json;

use super::app::TestApp;
use super::provider::Provider;
use super::records::Person;

/// Where the section begins.
pub const CONNECTIONS: &str = "/settings/connections";

/// The secret that every OAuth 2.0 client here has at its provider.
pub const CLIENT_SECRET: &str = "secret-of-the-shop-at-its-provider";

/// The page of a connection.
pub fn connection_path(id: ConnectionKey) -> String {
    format!("{CONNECTIONS}/{id}")
}

/// The tokens that a connection of this name begins with.
pub fn first_tokens(name: &str) -> [String; 2] {
    let name = name.to_lowercase().replace(' ', "-");
    ["access", "refresh"].map(|kind| format!("{kind}-token-of-{name}-0123456789"))
}

impl TestApp {
    /// An OAuth 2.0 client of a kind of server; "other server" leads to a port where nobody listens.
    pub fn oauth_client(&self, name: &str, api_type: ApiType) -> OAuthClientKey {
        self.oauth_client_at(name, api_type, "http://127.0.0.1:1")
    }

    /// One at a provider of the tests.
    pub fn oauth_client_of(&self, provider: &Provider) -> OAuthClientKey {
        self.oauth_client_at("Harbour at its provider", ApiType::Other, provider.origin())
    }

    fn oauth_client_at(&self, name: &str, api_type: ApiType, origin: &str) -> OAuthClientKey {
        let at = |path: &str| if api_type == ApiType::Other { format!("{origin}{path}") } else { String::new() };
        let fields = OAuthClientFields {
            name: name.into(),
            client_id: "harbour-and-pine".into(),
            authorize_url: at("/authorize"),
            token_url: at("/token"),
            revoke_url: at("/revoke"),
            api_url: at("/api"),
            test_path: if api_type == ApiType::Other { "/me".into() } else { String::new() },
            ..OAuthClientFields::default()
        };
        let callback = if api_type == ApiType::Other { "abcdef123456" } else { api_type.word() };
        let mut shop = self.shop();
        let vault = &self.state.connections.vault;
        OAuthClient::create(shop.conn(), vault, (api_type, callback), &fields, CLIENT_SECRET, self.now()).unwrap().id
    }

    /// A connection that nobody has authorized.
    pub fn named_connection(&self, name: &str, client: OAuthClientKey) -> ConnectionKey {
        let fields = ConnectionFields { name: name.into(), scope: "read".into(), ..ConnectionFields::default() };
        self.connection_with(client, &fields)
    }

    /// The same with everything that is typed in.
    pub fn connection_with(&self, client: OAuthClientKey, fields: &ConnectionFields) -> ConnectionKey {
        Connection::create(self.shop().conn(), client, fields, self.now()).unwrap().id
    }

    /// A connection that works: it holds its [`first_tokens`] for an hour.
    pub fn named_online(&self, name: &str, client: OAuthClientKey, person: &Person) -> ConnectionKey {
        let id = self.named_connection(name, client);
        self.authorize(id, person, "Harbour & Pine Upstream");
        id
    }

    /// Gives a connection its first tokens, as somebody who has come back from the provider with them does.
    pub fn authorize(&self, id: ConnectionKey, person: &Person, account: &str) {
        let mut shop = self.shop();
        let (connection, client) = Connection::with_client(shop.conn(), id).unwrap();
        let [access, refresh] = first_tokens(&connection.name);
        let reply = json!({"access_token": access, "refresh_token": refresh, "expires_in": 3600, "scope": "read"});
        let authorized = Authorized {
            account_id: format!("account:{account}"),
            account_name: account.into(),
            by: person.id,
            by_name: person.name.clone(),
            client_ip: "192.0.2.7".into(),
        };
        let reply = serde_json::from_value(reply).unwrap();
        let both = (&connection, &client);
        state::authorize(
            shop.conn(),
            &self.state.connections.transition_context(),
            both,
            &reply,
            &authorized,
            self.now(),
        )
        .unwrap();
    }
}
