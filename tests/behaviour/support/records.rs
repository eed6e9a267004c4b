//! What is in the shop before a test begins: made by the code that issues tokens, returned with the secrets it made.

use std::sync::LazyLock;

use client_api_access::account::{Business, Location};
use client_api_access::activity::Actor;
use client_api_access::api_tokens::{self, Areas, NewApiToken};
use client_api_access::clients::{Client, NewClient, RedirectUri, Registration, Website};
use client_api_access::db::DbConnection;
use client_api_access::employees::password_hasher::PasswordHasher;
use client_api_access::employees::{Employee, NewEmployee, OneTimeLink, Purpose};
use client_api_access::id::{
    AccessTokenKey, ApiTokenKey, BusinessKey, ClientKey, EmployeeKey, LocationKey, RefreshTokenKey,
};
use client_api_access::resource_servers::ResourceServer;
use client_api_access::schema::clients;
use client_api_access::scopes::Role;
use client_api_access::scopes::Scope;
use client_api_access::secrets::{PlainToken, RandomSecret};
use client_api_access::time::{DAY, Timestamp};
use client_api_access::tokens::RefreshToken;
use client_api_access::tokens::issue;
use client_api_access::tokens::issue::Lifetimes;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::app::CHEAP;
use super::database::{Database, is_postgres};

/// Where every client's codes go, unless a test says otherwise.
pub const REDIRECT_URI: &str = "https://app.example/cb";

/// Everybody's password here.
pub const PASSWORD: &str = "walnut orbit 58 lantern";

static HASH: LazyLock<String> = LazyLock::new(|| {
    let hash = async { PasswordHasher::new(CHEAP).expect("threads").hash(PASSWORD).await };
    actix_web::rt::System::new().block_on(hash).unwrap()
});

/// An employee.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their id.
    pub id: EmployeeKey,
    /// Their name.
    pub name: String,
    /// What they sign in with.
    pub email: String,
}

/// A grant, with the values a client would hold.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its client.
    pub client: ClientKey,
    /// The refresh token's row.
    pub id: RefreshTokenKey,
    /// Its newest value.
    pub refresh_token: String,
    /// The newest access token's row.
    pub access_token_id: AccessTokenKey,
    /// Its value.
    pub access_token: String,
}

/// An API key, with its value.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its client.
    pub client: ClientKey,
    /// Its row.
    pub id: AccessTokenKey,
    /// Its value.
    pub value: String,
}

impl Person {
    /// Their page.
    pub fn path(&self) -> String {
        format!("/settings/employees/{}", self.id)
    }
}

impl Grant {
    /// The refresh token's page.
    pub fn path(&self) -> String {
        format!("/settings/client-api-access/clients/{}/refresh-tokens/{}", self.client, self.id)
    }

    /// The access token's page, below its client.
    pub fn access_token_path(&self) -> String {
        format!("/settings/client-api-access/clients/{}/access-tokens/{}", self.client, self.access_token_id)
    }

    /// The access token's page, below the refresh token.
    pub fn access_token_path_below(&self) -> String {
        format!("{}/access-tokens/{}", self.path(), self.access_token_id)
    }

    /// What is shown of the refresh token.
    pub fn mask(&self) -> &str {
        &self.refresh_token[..7]
    }

    /// What is shown of the access token.
    pub fn access_token_mask(&self) -> &str {
        &self.access_token[..7]
    }
}

impl Key {
    /// Its page.
    pub fn path(&self) -> String {
        format!("/settings/client-api-access/clients/{}/access-tokens/{}", self.client, self.id)
    }

    /// What is shown of it.
    pub fn mask(&self) -> &str {
        &self.value[..7]
    }
}

fn random_hash() -> &'static str {
    match is_postgres() {
        true => "sha256((random()::text || i::text)::bytea)",
        false => "randomblob(32)",
    }
}

fn registration() -> Registration {
    Registration { redirect_uris: vec![RedirectUri::parse(REDIRECT_URI, false).unwrap()], ..Registration::default() }
}

/// Puts things into a database, as of a moment, by a connection of its own.
pub struct Shop {
    conn: DbConnection,
    now: Timestamp,
}

/// A client's page.
pub fn client_path(client: ClientKey) -> String {
    format!("/settings/client-api-access/clients/{client}")
}

/// A page with its table of access tokens unfolded.
pub fn with_access_tokens(path: &str) -> String {
    format!("{path}?at-show=all")
}

impl Shop {
    /// As of `now`.
    pub fn open(database: &Database, now: Timestamp) -> Shop {
        Shop { conn: database.connect(), now }
    }

    /// Its connection.
    pub fn conn(&mut self) -> &mut DbConnection {
        &mut self.conn
    }

    /// The moment it works at.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// In the file of a server that made its own.
    pub fn at_file(file: &std::path::Path) -> Shop {
        let url = client_api_access::db::DatabaseUrl::Sqlite(file.to_path_buf());
        Shop { conn: client_api_access::db::connect(&url).unwrap(), now: super::app::NOW }
    }

    /// The same at another moment: the present one, for a server with a clock that runs.
    #[must_use]
    pub fn at_moment(mut self, now: Timestamp) -> Shop {
        self.now = now;
        self
    }

    /// The same, so many seconds from now; negative for the past.
    #[must_use]
    pub fn at(mut self, seconds: i64) -> Shop {
        self.now = self.now.plus(seconds);
        self
    }

    /// An employee who can sign in.
    pub fn employee(&mut self, name: &str, role: Role) -> Person {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let local = name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), ".");
        let email = format!("{local}.{}@harbourandpine.example", NEXT.fetch_add(1, Ordering::Relaxed));
        let new = NewEmployee { name, email: &email, role, password_hash: Some(&HASH) };
        let id = Employee::create(&mut self.conn, &new, self.now).unwrap();
        Person { id, name: name.into(), email }
    }

    /// A member of staff.
    pub fn staff(&mut self, name: &str) -> Person {
        self.employee(name, Role::Staff)
    }

    /// Locks somebody.
    pub fn lock(&mut self, person: &Person) {
        Employee::set_locked(&mut self.conn, person.id, Some(self.now)).unwrap();
    }

    /// Archives somebody.
    pub fn archive(&mut self, person: &Person) {
        Employee::set_archived(&mut self.conn, person.id, Some(self.now)).unwrap();
    }

    /// An active client without the Lightspeed Approved mark.
    pub fn client(&mut self, name: &str) -> ClientKey {
        self.client_with(name, "https://ledgerly.example/", false)
    }

    /// An active client.
    pub fn client_with(&mut self, name: &str, website: &str, lightspeed_approved: bool) -> ClientKey {
        let website = Website::parse(website).unwrap();
        let new = NewClient {
            name,
            website: &website,
            approved: true,
            lightspeed_approved,
            by: "Ada Admin",
            registration: &registration(),
        };
        Client::create(&mut self.conn, &new, self.now).unwrap()
    }

    /// A client that waits to be admitted.
    pub fn pending_client(&mut self, name: &str) -> ClientKey {
        let website = Website::parse("https://ledgerly.example/").unwrap();
        let new = NewClient {
            name,
            website: &website,
            approved: false,
            lightspeed_approved: false,
            by: "",
            registration: &registration(),
        };
        Client::create(&mut self.conn, &new, self.now).unwrap()
    }

    /// A client that may do nothing at the moment.
    pub fn suspended_client(&mut self, name: &str) -> ClientKey {
        let id = self.client(name);
        Client::set_suspended(&mut self.conn, id, Some(self.now), "Ada Admin").unwrap();
        id
    }

    /// Gives a client a name and a website that no form would take.
    pub fn disguise_client(&mut self, id: ClientKey, name: &str, website: &str) {
        let change = (clients::name.eq(name), clients::name_fold.eq(name.to_lowercase()), clients::website.eq(website));
        diesel::update(clients::table.find(id)).set(change).execute(&mut self.conn).unwrap();
    }

    /// A refresh token and its first access token.
    pub fn grant(&mut self, client: ClientKey, person: &Person) -> Grant {
        self.grant_scope(client, person, "employee:inventory employee:register_read")
    }

    /// The same with a scope of its own.
    pub fn grant_scope(&mut self, client: ClientKey, person: &Person, scope: &str) -> Grant {
        let scope = Scope::parse(scope).unwrap();
        let grant = issue::Grant { client, employee: person.id, scope: &scope };
        let pair = issue::grant(&mut self.conn, &grant, Lifetimes::default(), self.now).unwrap();
        Grant {
            client,
            id: pair.refresh_token_id,
            refresh_token: pair.refresh_token.expose().into(),
            access_token_id: pair.access_token_id,
            access_token: pair.access_token.expose().into(),
        }
    }

    /// Refreshes: the next value and the next access token of a grant.
    pub fn refresh(&mut self, grant: &Grant) -> Grant {
        let token = RefreshToken::find(&mut self.conn, grant.client, grant.id).unwrap();
        let value = PlainToken::parse(&grant.refresh_token).unwrap();
        let rotated = issue::rotate(&mut self.conn, (&token, &value), Lifetimes::default(), self.now);
        let pair = rotated.unwrap().unwrap();
        Grant {
            refresh_token: pair.refresh_token.expose().into(),
            access_token_id: pair.access_token_id,
            access_token: pair.access_token.expose().into(),
            ..grant.clone()
        }
    }

    /// An API key that never ends.
    pub fn api_key(&mut self, client: ClientKey, person: &Person, label: &str) -> Key {
        self.api_key_until(client, person, label, Timestamp::NO_END)
    }

    /// An API key that ends.
    pub fn api_key_until(&mut self, client: ClientKey, person: &Person, label: &str, end: Timestamp) -> Key {
        let scope = Scope::parse("employee:reports").unwrap();
        let grant = issue::Grant { client, employee: person.id, scope: &scope };
        let key = issue::api_key(&mut self.conn, &grant, label, end, self.now).unwrap();
        Key { client, id: key.id, value: key.value.expose().into() }
    }

    /// The value of an API token of this person that works for 90 days.
    pub fn api_token(&mut self, person: &Person, role: Role, areas: &str) -> (ApiTokenKey, String) {
        let new = NewApiToken {
            name: "Nightly report".into(),
            employee: person.id,
            service: None,
            role,
            areas: Areas::parse(areas.split(' ')).unwrap(),
            expires_at: self.now.plus(90 * DAY),
        };
        let issued = api_tokens::issue(&mut self.conn, &new, (&Actor::server(), ""), self.now).unwrap();
        let (token, value) = issued.unwrap();
        (token.id, value.expose().to_string())
    }

    /// Many access tokens of a grant at once, more than could be issued one by one in a test.
    pub fn many_access_tokens(&mut self, grant: &Grant, n: usize) {
        let prefix = match is_postgres() {
            true => "substr(md5(random()::text || i::text), 1, 7)",
            false => "substr(hex(randomblob(4)), 1, 7)",
        };
        let (now, end) = (self.now.0, self.now.plus(3600).0);
        let columns =
            "client_id, employee_id, refresh_token_id, hash, prefix, scope, generation, created_at, expires_at";
        let values = format!("client_id, employee_id, id, {}, {prefix}, scope, 1, {now}, {end}", random_hash());
        self.many(n, "access_tokens", columns, &values, &format!("refresh_tokens WHERE id = {}", grant.id));
    }

    /// Many values of a grant in the earlier format, replaced long ago.
    pub fn many_values(&mut self, grant: &Grant, n: usize) {
        let (now, end) = (self.now.plus(-3600).0, self.now.plus(3600).0);
        let columns = "refresh_token_id, hash, generation, created_at, expires_at, replaced_at";
        let values = format!("id, {}, 0, {now}, {end}, {now}", random_hash());
        self.many(n, "refresh_token_values", columns, &values, &format!("refresh_tokens WHERE id = {}", grant.id));
    }

    /// Many authorization codes that a grant was issued from, as far as the database knows.
    pub fn many_codes(&mut self, grant: &Grant, n: usize) {
        let now = self.now.plus(-3600).0;
        let columns = "client_id, employee_id, hash, scope, created_at, expires_at, redeemed_at, refresh_token_id";
        let values = format!("client_id, employee_id, {}, scope, {now}, {now}, {now}, id", random_hash());
        self.many(n, "authorization_codes", columns, &values, &format!("refresh_tokens WHERE id = {}", grant.id));
    }

    /// Many rejected token requests of a client.
    pub fn many_failures(&mut self, client: ClientKey, n: usize) {
        let columns = "client_id, at, grant_type, error, hint, client_ip";
        let values = format!("id, {}, 'refresh_token', 'invalid_grant', '', ''", self.now.0);
        self.many(n, "token_failures", columns, &values, &format!("clients WHERE id = {client}"));
    }

    fn many(&mut self, n: usize, table: &str, columns: &str, values: &str, of: &str) {
        let (from, condition) = of.split_once(" WHERE ").unwrap();
        self.sql(&format!(
            "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {n}) \
             INSERT INTO {table} ({columns}) SELECT {values} FROM {from}, numbers WHERE {from}.{condition} AND i <= {n}"
        ));
    }

    /// When things were last used: access tokens, and the refresh token they belong to.
    pub fn used(&mut self, table: &str, id: i64, at: Timestamp) {
        self.sql(&format!("UPDATE {table} SET last_used_at = {} WHERE id = {id}", at.0));
    }

    /// A business with one location.
    pub fn location(&mut self, business: &str, location: &str) -> (BusinessKey, LocationKey) {
        let id = Business::create(&mut self.conn, business, "SEK", self.now).unwrap();
        let at = (location, "SE", "Europe/Stockholm");
        (id, Location::create(&mut self.conn, id, at, self.now).unwrap())
    }

    /// The secret of a new one-time link.
    pub fn one_time_link(&mut self, purpose: Purpose, person: Option<&Person>) -> String {
        let secret = RandomSecret::generate();
        let employee = person.map(|person| person.id);
        OneTimeLink::issue(&mut self.conn, purpose, employee, &secret.hash(), self.now).unwrap();
        secret.expose().into()
    }

    /// A resource server: its id on the wire and its secret.
    pub fn resource_server(&mut self, name: &str) -> (String, String) {
        let (server, secret) = ResourceServer::create(&mut self.conn, name, self.now).unwrap();
        (server.resource_server_id, secret.expose().into())
    }

    /// Runs statements that no page and no function would.
    pub fn sql(&mut self, sql: &str) {
        self.conn.batch_execute(sql).unwrap();
    }

    /// A number out of the database.
    pub fn number(&mut self, sql: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Number {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            n: i64,
        }
        diesel::sql_query(format!("SELECT CAST(({sql}) AS BIGINT) AS n"))
            .get_result::<Number>(&mut self.conn)
            .unwrap()
            .n
    }

    /// A text out of the database.
    pub fn word(&mut self, sql: &str) -> String {
        self.words(sql).into_iter().next().expect("one row")
    }

    /// Texts out of the database, from the first column of each row, which must be called `word`.
    pub fn words(&mut self, sql: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Word {
            #[diesel(sql_type = diesel::sql_types::Text)]
            word: String,
        }
        let rows = diesel::sql_query(sql).load::<Word>(&mut self.conn).unwrap();
        rows.into_iter().map(|row| row.word).collect()
    }
}
