//! The demo shop's connections, one in each state. They call this server itself or a port where nothing listens, never
//! Lightspeed.

use diesel::prelude::*;
use serde_json::json;

use crate::clients::{Client, ClientSecret, NewClient, RedirectUri, Registration, Website};
use crate::connections::state::{Authorized, TransitionContext};
use crate::connections::{
    ApiType, Connection, ConnectionEvent, ConnectionFields, EventKind, OAuthClient, OAuthClientFields, ServiceKey,
    state,
};
use crate::db::DbConnection;
use crate::demo::fill::Ids;
use crate::demo::people::{INES, JONAS, PRIYA};
use crate::error::{Error, Result};
use crate::id::{BusinessKey, ClientKey, EmployeeKey};
use crate::schema::{businesses, connection_events, connections};
use crate::scopes::Scope;
use crate::secrets::random_name;
use crate::time::{DAY, HOUR, MINUTE, Timestamp};
use crate::tokens::issue;
use crate::tokens::issue::{Grant, Lifetimes};
use crate::web::state::State;

const SCOPE: &str = "employee:inventory_read employee:register_read";
const CALLBACK: &str = "demo00server";
const UNREACHABLE: &str = "http://127.0.0.1:1";
const REVOKED: &str = "The provider refused to refresh the tokens: invalid_grant: The refresh token has been revoked.";

const UNANSWERED: &str = "The server is unreachable.";

/// Creates the connections.
pub async fn make(app: &State, ids: &Ids, now: Timestamp) -> Result<()> {
    let builder = Builder {
        transition_context: app.connections.transition_context(),
        origin: app.config.public_url.origin().to_string(),
        lifetimes: app.config.lifetimes,
        by: ids.people[PRIYA],
        person: ids.people[JONAS],
        locked: ids.people[INES],
        now,
    };
    app.db.with_long_timeout().write(move |conn| builder.create_all(conn)).await
}

struct Builder {
    transition_context: TransitionContext,
    origin: String,
    lifetimes: Lifetimes,
    by: EmployeeKey,
    person: EmployeeKey,
    locked: EmployeeKey,
    now: Timestamp,
}

impl Builder {
    fn create_all(&self, conn: &mut DbConnection) -> Result<()> {
        let places: Vec<BusinessKey> = businesses::table.order(businesses::id).select(businesses::id).load(conn)?;
        let place = |n: usize| places.get(n).copied();
        let (client, here) = self.this_server(conn)?;
        for (name, business) in [("Stock export", place(0)), ("Bookkeeping", None)] {
            let connection = self.connected(conn, name, business, client, &here)?;
            Connection::touch(conn, connection.id, self.now.plus(-7 * MINUTE))?;
            if business.is_none() {
                // By an admin who has been locked since, so that it needs attention.
                let row = connections::table.find(connection.id);
                diesel::update(row).set(connections::authorized_by.eq(self.locked)).execute(conn)?;
            }
            ServiceKey::create(conn, connection.id, ("Nightly run", "Priya Nair"), self.now.plus(-40 * DAY))?;
        }
        let screens = self.connected(conn, "Opening hours on the screens", place(1), client, &here)?;
        screens.pause(conn, "Priya Nair", self.now)?;

        let nobody =
            self.other(conn, "Loyalty server", UNREACHABLE, ("loyalty00off", "points"), "a secret of nobody")?;
        let loyalty = self.make_one(conn, "Loyalty points", &nobody, "points:read", place(0))?;
        let reply = json!({"access_token": random_name(40), "refresh_token": random_name(40), "expires_in": 20});
        self.adopt(conn, (&loyalty, &nobody), "points", reply)?;
        self.fail(conn, &loyalty)?;

        let r_series = self.lightspeed(conn, "Harbour’s app at R-Series", ApiType::RSeries)?;
        let till =
            self.make_one(conn, "Södermalm till", &r_series, "employee:register employee:inventory", place(0))?;
        self.lose(conn, &till)?;

        let k_series = self.lightspeed(conn, "Cellar bar, trial", ApiType::KSeriesV2Trial)?;
        self.make_one(conn, "Cellar bar (trial)", &k_series, "financial-api items offline_access", place(2))?;
        self.lightspeed(conn, "Web shop’s app at X-Series", ApiType::XSeries)?;
        Ok(())
    }

    // A client of this server, and the app credentials of connections that call this server with it.
    fn this_server(&self, conn: &mut DbConnection) -> Result<(ClientKey, OAuthClient)> {
        let uri = RedirectUri::on_this_server(&self.origin, &crate::connections::callback_path(CALLBACK));
        let registration = Registration { redirect_uris: vec![uri], ..Registration::default() };
        let website = Website::parse("https://own-programs.harbourandpine.example").map_err(Error::internal)?;
        let new = NewClient {
            name: "Own programs",
            website: &website,
            approved: true,
            lightspeed_approved: false,
            by: "Priya Nair",
            registration: &registration,
        };
        let client = Client::create(conn, &new, self.now.plus(-60 * DAY))?;
        let secret = ClientSecret::issue(conn, client, 0, self.now.plus(-60 * DAY))?;
        let public_id = Client::find(conn, client)?.client_id;
        let here = self.other(conn, "This server", &self.origin, (CALLBACK, &public_id), secret.expose())?;
        Ok((client, here))
    }

    fn other(
        &self,
        conn: &mut DbConnection,
        name: &str,
        origin: &str,
        (callback, client_id): (&str, &str),
        secret: &str,
    ) -> Result<OAuthClient> {
        let at = |path: &str| format!("{origin}{path}");
        let fields = OAuthClientFields {
            name: name.into(),
            client_id: client_id.into(),
            authorize_url: at("/auth/oauth/authorize"),
            token_url: at("/auth/oauth/token"),
            revoke_url: at("/auth/oauth/revoke"),
            api_url: origin.into(),
            test_path: "/API/V3/Account.json".into(),
            account_member: String::new(),
            issuer: origin.into(),
            uses_pkce: true,
            secret_in_header: false,
        };
        let added = self.now.plus(-60 * DAY);
        OAuthClient::create(conn, &self.transition_context.vault, (ApiType::Other, callback), &fields, secret, added)
    }

    fn lightspeed(&self, conn: &mut DbConnection, name: &str, api_type: ApiType) -> Result<OAuthClient> {
        let client_id = random_name(24);
        let fields = OAuthClientFields { name: name.into(), client_id, ..OAuthClientFields::default() };
        let (kind, added) = ((api_type, api_type.word()), self.now.plus(-30 * DAY));
        OAuthClient::create(conn, &self.transition_context.vault, kind, &fields, &random_name(40), added)
    }

    fn make_one(
        &self,
        conn: &mut DbConnection,
        name: &str,
        client: &OAuthClient,
        scope: &str,
        business: Option<BusinessKey>,
    ) -> Result<Connection> {
        let fields =
            ConnectionFields { name: name.into(), business, domain_prefix: String::new(), scope: scope.into() };
        Connection::create(conn, client.id, &fields, self.now.plus(-20 * DAY))
    }

    // A working connection: a real grant of this server, which refreshes its tokens.
    fn connected(
        &self,
        conn: &mut DbConnection,
        name: &str,
        business: Option<BusinessKey>,
        client: ClientKey,
        here: &OAuthClient,
    ) -> Result<Connection> {
        let connection = self.make_one(conn, name, here, SCOPE, business)?;
        let scope = Scope::parse(SCOPE).ok_or_else(|| Error::internal("no such scope"))?;
        let grant = Grant { client, employee: self.person, scope: &scope };
        let pair = issue::grant(conn, &grant, self.lifetimes, self.now)?;
        let reply = json!({
            "access_token": pair.access_token.expose(),
            "refresh_token": pair.refresh_token.expose(),
            "expires_in": pair.expires_in,
            "scope": SCOPE,
        });
        self.adopt(conn, (&connection, here), crate::demo::shop::NAME, reply)?;
        Ok(Connection::find(conn, connection.id)?)
    }

    fn adopt(
        &self,
        conn: &mut DbConnection,
        both: (&Connection, &OAuthClient),
        account: &str,
        reply: serde_json::Value,
    ) -> Result<()> {
        let reply = serde_json::from_value(reply).map_err(Error::internal)?;
        let authorized = Authorized {
            account_id: "account:1".into(),
            account_name: account.into(),
            by: self.by,
            by_name: "Priya Nair".into(),
            client_ip: "127.0.0.1".into(),
        };
        state::authorize(conn, &self.transition_context, both, &reply, &authorized, self.now)
    }

    // A connection whose refreshes have failed for 17 minutes, because nothing listens there.
    fn fail(&self, conn: &mut DbConnection, connection: &Connection) -> Result<()> {
        let (begun, since) = (self.now.plus(-6 * DAY), self.now.plus(-17 * MINUTE));
        diesel::update(connections::table.find(connection.id))
            .set((
                connections::authorized_at.eq(begun),
                connections::last_refreshed_at.eq(since.plus(-HOUR)),
                connections::access_expires_at.eq(since.plus(2 * MINUTE)),
                connections::failing_since.eq(since),
                connections::failures.eq(6),
                connections::last_error.eq(UNANSWERED),
                connections::due_at.eq(self.now.plus(3 * MINUTE)),
            ))
            .execute(conn)?;
        let earlier = connection_events::table.filter(connection_events::connection_id.eq(connection.id));
        diesel::update(earlier).set(connection_events::at.eq(begun)).execute(conn)?;
        Ok(ConnectionEvent::record(conn, connection.id, (EventKind::Failed, UNANSWERED), "", since)?)
    }

    // A connection whose refresh token the provider revoked: its tokens are deleted.
    fn lose(&self, conn: &mut DbConnection, connection: &Connection) -> Result<()> {
        let (begun, lost) = (self.now.plus(-9 * DAY), self.now.plus(-5 * HOUR));
        diesel::update(connections::table.find(connection.id))
            .set((
                connections::account_id.eq("account:797"),
                connections::account_name.eq("Harbour & Pine Södermalm"),
                connections::authorized_by.eq(self.by),
                connections::authorized_at.eq(begun),
                connections::last_refreshed_at.eq(lost.plus(-HOUR)),
                connections::last_used_at.eq(lost),
            ))
            .execute(conn)?;
        let words = (EventKind::Authorized, "The account is Harbour & Pine Södermalm.");
        ConnectionEvent::record(conn, connection.id, words, "Priya Nair", begun)?;
        ConnectionEvent::record(conn, connection.id, (EventKind::Refreshed, ""), "", lost.plus(-HOUR))?;
        ConnectionEvent::record(conn, connection.id, (EventKind::Lost, REVOKED), "", lost)?;
        Ok(Connection::delete_tokens(conn, connection.id, REVOKED, lost)?)
    }
}
