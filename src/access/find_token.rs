//! Finds tokens and client secrets in a text that somebody pasted, and records who looked them up.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::api_tokens::ApiToken;
use crate::clients::{Client, ClientSecret};
use crate::db::DbConnection;
use crate::employees::{Attempt, Attempts, Employee};
use crate::error::Result;
use crate::id::{AccessTokenKey, ApiTokenKey, ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{access_tokens, clients, refresh_tokens};
use crate::secrets::{Mask, Scanned, TokenHash, scan, scan_mask};
use crate::time::Timestamp;
use crate::tokens::{AccessToken, EndedToken, RefreshToken, TokenDates};

/// The most tokens that are looked up in one text.
pub const MOST_TOKENS: usize = 20;
// Tokens listed that begin with the same seven characters, and clients whose tokens are read at once.
const MOST_ALIKE: i64 = 20;
const CLIENTS_AT_ONCE: usize = 500;

/// What a value belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenOwner {
    /// An API key; it may have expired.
    ApiKey(AccessTokenKey),
    /// The previous value of an API key; it may still work.
    PreviousApiKey(AccessTokenKey),
    /// An access token, issued with this refresh token; it may have expired.
    AccessToken(AccessTokenKey, RefreshTokenKey),
    /// The current value of a refresh token.
    RefreshToken(RefreshTokenKey),
    /// An earlier value of a refresh token.
    ReplacedRefreshToken(RefreshTokenKey),
    /// A client secret.
    ClientSecret,
    /// An API token, and whether it was revoked; it may have expired.
    ApiToken(ApiTokenKey, bool),
}

/// A token or client secret that was found.
pub struct FoundToken {
    /// What it is.
    pub owner: TokenOwner,
    /// Its client; none of an API token.
    pub client: Option<Client>,
    /// What an API token is for; otherwise empty.
    pub name: String,
    /// Its first characters, the employee it acts for, and its dates; none for a client secret.
    pub token: Option<(Mask, Employee, TokenDates)>,
}

/// The result of a search.
pub enum TokenSearch {
    /// What was found, each recorded, and the number of tokens that do not exist (any more).
    Done(Vec<FoundToken>, usize),
    /// Too many searches found nothing; seconds to wait.
    TooMany(i64),
}

/// What a person pasted, as hashes.
#[derive(Clone, Debug)]
pub struct PastedToken {
    hash: TokenHash,
    // Of the grant part, which also an older value of a refresh token has.
    grant_hash: Option<TokenHash>,
}

/// What a pasted text contains.
#[derive(Default)]
pub struct PastedText {
    /// Whole tokens, each once, and SHA-256 hashes as secret scanners report them.
    pub tokens: Vec<PastedToken>,
    /// The first characters of tokens that have a wrong character or are not complete.
    pub mistyped: Vec<Mask>,
    /// The first characters of a token, if the text is nothing else.
    pub mask: Option<Mask>,
}

/// Reads a pasted text. Only hashes of the tokens in it are kept.
pub fn read_pasted_text(text: &str) -> PastedText {
    let mut pasted = PastedText { mask: scan_mask(text), ..PastedText::default() };
    for scanned in scan(text, MOST_TOKENS) {
        match scanned {
            Scanned::Token(token) => pasted.add(token.hash(), token.grant_hash()),
            Scanned::Hash(hash) => pasted.add(hash, None),
            Scanned::Mistyped(mask) => pasted.mistyped.push(mask),
        }
    }
    pasted
}

impl PastedText {
    fn add(&mut self, hash: TokenHash, grant_hash: Option<TokenHash>) {
        if !self.tokens.iter().any(|other| other.hash == hash) {
            self.tokens.push(PastedToken { hash, grant_hash });
        }
    }
}

/// Finds tokens and client secrets by their values and records what was found. Searches in which something does not exist
/// are rate limited per person.
pub fn find_tokens(
    conn: &mut DbConnection,
    pasted: &[PastedToken],
    (viewer, actor): (EmployeeKey, &Actor),
    client_ip: &str,
    now: Timestamp,
) -> Result<TokenSearch> {
    let mut found = Vec::new();
    for token in pasted {
        found.extend(look_up(conn, token)?);
    }
    let unknown = pasted.len() - found.len();
    let attempts = Attempts::of(&format!("find-token {viewer}"), "any", Some("page"));
    match (unknown, attempts.begin(conn, now)?) {
        (_, Attempt::Wait(seconds)) => return Ok(TokenSearch::TooMany(seconds)),
        (0, Attempt::Allowed) => attempts.succeeded(conn)?,
        (_, Attempt::Allowed) => {}
    }
    for token in &found {
        NewActivity::new(Kind::TokenLookedUp, actor.clone(), token.subject())
            .from(client_ip)
            .with(Detail::note(token.client.as_ref().map(|client| format!("of {}", client.name)).unwrap_or_default()))
            .record(conn, now)?;
    }
    Ok(TokenSearch::Done(found, unknown))
}

impl FoundToken {
    fn subject(&self) -> Subject {
        let (mask, employee, client) = match (&self.token, &self.client) {
            (Some((mask, employee, _)), Some(client)) => (mask, employee, client),
            (Some((mask, employee, _)), None) => {
                let id = if let TokenOwner::ApiToken(id, _) = self.owner { id.0 } else { 0 };
                return Subject::api_token(id, mask, &self.name, employee.id);
            }
            (None, client) => {
                return client.as_ref().map_or_else(|| Subject::named("client", 0, ""), Client::subject);
            }
        };
        let (kind, id) = match self.owner {
            TokenOwner::ApiKey(id) | TokenOwner::PreviousApiKey(id) | TokenOwner::AccessToken(id, _) => {
                ("access_token", id.0)
            }
            TokenOwner::RefreshToken(id) | TokenOwner::ReplacedRefreshToken(id) => ("refresh_token", id.0),
            TokenOwner::ClientSecret | TokenOwner::ApiToken(..) => return client.subject(),
        };
        Subject::token(kind, id, mask, (client.id, &client.name), employee.id)
    }

    fn of(
        conn: &mut DbConnection,
        owner: TokenOwner,
        (client, employee): (ClientKey, EmployeeKey),
        (mask, dates): (Mask, TokenDates),
    ) -> QueryResult<FoundToken> {
        let (client, employee) = (Client::find(conn, client)?, Employee::find(conn, employee)?);
        Ok(FoundToken { owner, client: Some(client), name: String::new(), token: Some((mask, employee, dates)) })
    }

    fn of_access_token(conn: &mut DbConnection, token: AccessToken) -> QueryResult<FoundToken> {
        let owner = match token.refresh_token_id {
            Some(grant) => TokenOwner::AccessToken(token.id, grant),
            None => TokenOwner::ApiKey(token.id),
        };
        let dates = token.dates();
        Self::of(conn, owner, (token.client_id, token.employee_id), (token.mask, dates))
    }

    fn of_previous_value(mut self) -> FoundToken {
        if let TokenOwner::ApiKey(id) = self.owner {
            self.owner = TokenOwner::PreviousApiKey(id);
        }
        self
    }

    fn of_api_token(conn: &mut DbConnection, token: ApiToken) -> QueryResult<FoundToken> {
        let dates =
            TokenDates { created_at: token.created_at, last_used_at: token.last_used_at, expires_at: token.expires_at };
        let employee = Employee::find(conn, token.employee_id)?;
        let owner = TokenOwner::ApiToken(token.id, token.revoked_at.is_some());
        Ok(FoundToken { owner, client: None, name: token.name, token: Some((token.mask, employee, dates)) })
    }

    fn of_refresh_token(conn: &mut DbConnection, token: RefreshToken, is_current: bool) -> QueryResult<FoundToken> {
        let owner = match is_current {
            true => TokenOwner::RefreshToken(token.id),
            false => TokenOwner::ReplacedRefreshToken(token.id),
        };
        let dates = token.dates();
        Self::of(conn, owner, (token.client_id, token.employee_id), (token.mask, dates))
    }
}

fn look_up(conn: &mut DbConnection, pasted: &PastedToken) -> Result<Option<FoundToken>> {
    let hash = &pasted.hash;
    if let Some(token) = AccessToken::find_by_value(conn, hash)? {
        let is_previous = token.is_previous(hash);
        let found = FoundToken::of_access_token(conn, token)?;
        return Ok(Some(if is_previous { found.of_previous_value() } else { found }));
    }
    if let Some(owner) = ClientSecret::owner(conn, hash)? {
        let client = Client::find(conn, owner)?;
        let (client, name) = (Some(client), String::new());
        return Ok(Some(FoundToken { owner: TokenOwner::ClientSecret, client, name, token: None }));
    }
    if let Some(token) = ApiToken::find_by_value(conn, hash)? {
        return Ok(Some(FoundToken::of_api_token(conn, token)?));
    }
    if let Some((token, is_current)) = RefreshToken::find_by_value(conn, hash, pasted.grant_hash.as_ref())? {
        return Ok(Some(FoundToken::of_refresh_token(conn, token, is_current)?));
    }
    look_up_ended(conn, hash)
}

// An access token that has expired; nothing when its client or its refresh token is gone.
fn look_up_ended(conn: &mut DbConnection, hash: &TokenHash) -> Result<Option<FoundToken>> {
    let Some(token) = EndedToken::find_by_value(conn, hash)? else {
        return Ok(None);
    };
    if Client::find(conn, token.client_id).optional()?.is_none()
        || RefreshToken::find(conn, token.client_id, token.refresh_token_id).optional()?.is_none()
    {
        return Ok(None);
    }
    let (owner, dates) = (TokenOwner::AccessToken(token.id, token.refresh_token_id), token.dates());
    Ok(Some(FoundToken::of(conn, owner, (token.client_id, token.employee_id), (token.mask, dates))?))
}

/// API tokens, and tokens of clients that are not revoked, beginning with these seven characters; at most twenty of each kind.
pub fn tokens_beginning_with(conn: &mut DbConnection, mask: &Mask) -> Result<Vec<FoundToken>> {
    let all: Vec<ClientKey> = clients::table.filter(clients::revoked_at.is_null()).select(clients::id).load(conn)?;
    let (mut grants, mut others): (Vec<RefreshToken>, Vec<AccessToken>) = Default::default();
    // The index begins with the client: a read for each client, in few statements.
    for some in all.chunks(CLIENTS_AT_ONCE) {
        let alike = refresh_tokens::table
            .filter(refresh_tokens::client_id.eq_any(some))
            .filter(refresh_tokens::prefix.eq(mask))
            .filter(refresh_tokens::revoked_at.is_null());
        grants.extend(alike.limit(MOST_ALIKE).select(RefreshToken::as_select()).load(conn)?);
        let alike =
            access_tokens::table.filter(access_tokens::client_id.eq_any(some)).filter(access_tokens::prefix.eq(mask));
        others.extend(alike.limit(MOST_ALIKE).select(AccessToken::as_select()).load(conn)?);
    }
    let most = usize::try_from(MOST_ALIKE).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for token in grants.into_iter().take(most) {
        found.push(FoundToken::of_refresh_token(conn, token, true)?);
    }
    for token in others.into_iter().take(most) {
        found.push(FoundToken::of_access_token(conn, token)?);
    }
    for token in ApiToken::beginning_with(conn, mask, MOST_ALIKE)? {
        found.push(FoundToken::of_api_token(conn, token)?);
    }
    Ok(found)
}
