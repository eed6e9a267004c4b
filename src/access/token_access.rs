//! What an access token or API key is good for at this moment: its scope within the rights its employee has now, and
//! nothing at all once it, its grant, its client or its employee has been stopped.

use actix_web::HttpRequest;
use actix_web::http::header;
use diesel::prelude::*;

use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{AccessTokenKey, ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{access_tokens, clients, employees, refresh_tokens};
use crate::scopes::{Role, Scope};
use crate::secrets::{PlainToken, TokenHash, TokenKind};
use crate::time::Timestamp;
use crate::tokens::rotation;
use crate::web::state::State;

/// A token that works, and what it stands for: no more of each row than every request needs.
#[derive(Clone, Debug)]
pub struct Access {
    /// The token.
    pub token: Token,
    /// Whose it is.
    pub client: TokenClient,
    /// Whose rights it carries.
    pub employee: TokenEmployee,
}

/// An access token or API key, as it is used.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = access_tokens)]
pub struct Token {
    /// Its id.
    pub id: AccessTokenKey,
    /// The refresh token that made it; empty for an API key.
    pub refresh_token_id: Option<RefreshTokenKey>,
    /// What it may reach.
    pub scope: Scope,
    /// Which generation of its refresh token it came with.
    pub generation: i64,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it was last used, as far as that is written; or 0.
    pub last_used_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl Token {
    /// Whether it is an API key.
    pub fn is_api_key(&self) -> bool {
        self.refresh_token_id.is_none()
    }
}

/// The client a token belongs to.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = clients)]
pub struct TokenClient {
    /// Its id here.
    pub id: ClientKey,
    /// Its public id.
    pub client_id: String,
    approved_at: Option<Timestamp>,
    suspended_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

impl TokenClient {
    fn may_act(&self) -> bool {
        self.approved_at.is_some() && self.suspended_at.is_none() && self.revoked_at.is_none()
    }
}

/// The employee whose rights a token carries.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = employees)]
pub struct TokenEmployee {
    /// Their id.
    pub id: EmployeeKey,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// What they may do, as of now.
    pub role: Role,
    locked_at: Option<Timestamp>,
    archived_at: Option<Timestamp>,
    revoked_refresh_tokens_through: i64,
    revoked_access_tokens_through: i64,
}

impl TokenEmployee {
    // Locked and archived people's tokens rest; what was ended with everything they granted is dead.
    fn lets(&self, token: &Token) -> bool {
        self.locked_at.is_none()
            && self.archived_at.is_none()
            && token.id.0 > self.revoked_access_tokens_through
            && token.refresh_token_id.is_none_or(|id| id.0 > self.revoked_refresh_tokens_through)
    }
}

/// Why a token does not work, in R-Series' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inactive {
    /// It never was one of ours, or is past its end.
    NotVerified,
    /// Somebody stopped it, or what it hangs on; or its row is gone.
    Revoked,
}

impl Inactive {
    /// What a developer is told.
    pub fn hint(self) -> &'static str {
        match self {
            Inactive::NotVerified => "Access token could not be verified",
            Inactive::Revoked => "Access token has been revoked",
        }
    }
}

type Row = (Token, TokenClient, TokenEmployee, Option<Timestamp>);

impl Access {
    /// What a token is good for now. Its use is noted; the first one is committed before this returns, since from then on
    /// an earlier value of its refresh token is a replay.
    pub async fn of(app: &State, token: &str) -> Result<std::result::Result<Access, Inactive>> {
        match Self::unused(app, token).await? {
            Ok(access) => access.used(app).await,
            Err(inactive) => Ok(Err(inactive)),
        }
    }

    /// The same for somebody who may yet not be told: nothing is noted before [`Access::used`].
    pub async fn unused(app: &State, token: &str) -> Result<std::result::Result<Access, Inactive>> {
        let (hash, now) = (TokenHash::of(token), app.clock.now());
        let found = app.db.lookup(move |conn| Ok(find(conn, &hash)?)).await?;
        Ok(found.map_or_else(|| Err(revoked_error(token)), |row| check(row, now)))
    }

    /// Notes the use; the token may have been withdrawn meanwhile.
    pub async fn used(self, app: &State) -> Result<std::result::Result<Access, Inactive>> {
        let (token, now) = (&self.token, app.clock.now());
        if token.last_used_at == Timestamp::NEVER_YET && !token.is_api_key() {
            let (id, grant) = (token.id, token.refresh_token_id.map(|grant| (grant, token.generation)));
            match app.db.low_priority().write(move |conn| rotation::first_use(conn, id, grant, now)).await {
                Ok(()) => {}
                Err(Error::NotFound) => return Ok(Err(Inactive::Revoked)),
                Err(error) => return Err(error),
            }
        }
        app.last_used_buffer.token(self.client.id, token.id, token.last_used_at, now);
        Ok(Ok(self))
    }

    /// What it may reach now; may be empty.
    pub fn scope(&self) -> Scope {
        self.token.scope.effective(self.employee.role)
    }

    /// Whether it may reach what `word` names.
    pub fn allows(&self, word: &str) -> bool {
        self.token.scope.allows(word, self.employee.role)
    }

    /// The role its employee has now.
    pub fn role(&self) -> Role {
        self.employee.role
    }
}

// One statement: the token by its hash, and what it hangs on by their keys. Typed against each database by itself, so that
// the text of the statement is not built anew for every request; and without a LIMIT, since SQLite plans a statement anew
// whenever its LIMIT is bound. A hash is unique.
fn find(conn: &mut DbConnection, hash: &TokenHash) -> QueryResult<Option<Row>> {
    crate::db::on_each!(conn, |conn| {
        access_tokens::table
            .inner_join(clients::table)
            .inner_join(employees::table)
            .left_join(refresh_tokens::table)
            .filter(access_tokens::hash.eq(hash))
            .select((
                Token::as_select(),
                TokenClient::as_select(),
                TokenEmployee::as_select(),
                refresh_tokens::revoked_at.nullable(),
            ))
            .get_result(conn)
            .optional()
    })
}

// A value of ours, checksum and all, that has no row any more was revoked, or expired long ago.
fn revoked_error(token: &str) -> Inactive {
    match PlainToken::parse(token).map(|token| token.kind()) {
        Ok(TokenKind::AccessToken | TokenKind::ApiKey) => Inactive::Revoked,
        _ => Inactive::NotVerified,
    }
}

fn check((token, client, employee, grant_revoked): Row, now: Timestamp) -> std::result::Result<Access, Inactive> {
    match () {
        () if token.expires_at <= now => Err(Inactive::NotVerified),
        () if !client.may_act() || grant_revoked.is_some() || !employee.lets(&token) => Err(Inactive::Revoked),
        () => Ok(Access { token, client, employee }),
    }
}

/// How a request shows a token (RFC 6750 section 2.1: the header, and nowhere else).
#[derive(Debug, PartialEq, Eq)]
pub enum PresentedToken {
    /// In the header.
    Bearer(String),
    /// Not at all.
    Nothing,
    /// In a way that is not served: twice, or in another scheme.
    Wrongly(&'static str),
}

impl PresentedToken {
    /// Reads the Authorization header.
    pub fn by(request: &HttpRequest) -> PresentedToken {
        let mut headers = request.headers().get_all(header::AUTHORIZATION);
        let (Some(value), second) = (headers.next(), headers.next()) else {
            return PresentedToken::Nothing;
        };
        if second.is_some() {
            return PresentedToken::Wrongly("Send the Authorization header once");
        }
        let Some((scheme, token)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
            return PresentedToken::Wrongly("Missing \"Bearer\" token");
        };
        match (scheme.eq_ignore_ascii_case("bearer"), token.trim()) {
            (true, token) if !token.is_empty() => PresentedToken::Bearer(token.to_string()),
            _ => PresentedToken::Wrongly("Missing \"Bearer\" token"),
        }
    }
}
