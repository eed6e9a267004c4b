//! actix-session's store over the session rows: reads who is signed in for each request, and creates the row of a sign-in.

use std::collections::HashMap;
use std::sync::Arc;

use actix_session::storage::{LoadError, SaveError, SessionKey as CookieKey, SessionStore, UpdateError};
use actix_web::cookie::time::Duration;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::connections::connections_needing_attention;
use crate::db::DbConnection;
use crate::employees::{NewSession, Passwords, Session};
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, SessionKey};
use crate::identity;
use crate::scopes::Role;
use crate::secrets::{RandomSecret, TokenHash};
use crate::web::flash::{Flash, Tone};
use crate::web::state::State;

const BREAK_GLASS: &str = "You signed in as the break-glass admin. This was recorded and sent as a notice. Sign in through the \
     identity provider again as soon as it answers.";

/// The key under which the store passes [`SignedIn`] to handlers.
pub const SIGNED_IN: &str = "signed_in";
/// The key under which a handler passes a [`NewSession`] to the store, to sign somebody in.
pub const SIGN_IN: &str = "sign_in";
/// The key of the message for the next page.
pub const FLASH: &str = "flash";

/// Who is signed in, read together with the session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedIn {
    /// The session.
    pub session: SessionKey,
    /// The employee.
    pub employee: EmployeeKey,
    /// The employee's name.
    pub name: String,
    /// The employee's e-mail address.
    pub email: String,
    /// The employee's role now.
    pub role: Role,
    /// The shop's account.
    pub account: Account,
    /// How many connections need attention, for the menu.
    pub needing_attention: i64,
}

/// actix-session's store, over the database.
#[derive(Clone)]
pub struct Store {
    app: Arc<State>,
}

impl Store {
    /// A store in the application's database.
    pub fn new(app: Arc<State>) -> Store {
        Store { app }
    }

    async fn find(&self, key: TokenHash) -> Result<Option<HashMap<String, String>>> {
        let found = self.app.db.lookup(move |conn| {
            let Some(found) = Session::find(conn, &key)? else {
                return Ok(None);
            };
            let needing_attention =
                crate::db::on_each!(conn, |conn| connections_needing_attention().count().get_result(conn))?;
            Ok(Some((found, needing_attention, Account::get(conn)?)))
        });
        let Some((found, needing_attention, account)) = found.await? else {
            return Ok(None);
        };
        let (session, now) = (found.session, self.app.clock.now());
        if session.is_expired(self.app.seen_sessions.last_seen(&session), now) {
            return Ok(None);
        }
        self.app.seen_sessions.saw(&session, now);
        let signed_in = SignedIn {
            session: session.id,
            employee: session.employee_id,
            name: found.name,
            email: found.email,
            role: found.role,
            account,
            needing_attention,
        };
        let mut state: HashMap<String, String> = serde_json::from_str(&found.state).map_err(Error::internal)?;
        state.insert(SIGNED_IN.into(), serde_json::to_string(&signed_in).map_err(Error::internal)?);
        Ok(Some(state))
    }

    async fn sign_in(&self, state: HashMap<String, String>) -> Result<RandomSecret> {
        let now = self.app.clock.now();
        let new = state.get(SIGN_IN).ok_or_else(|| Error::internal("a session without a sign-in"))?;
        let new: NewSession = serde_json::from_str(new).map_err(Error::internal)?;
        let key = RandomSecret::generate();
        let (hash, source) = (key.hash(), self.app.identity_source());
        let create = move |conn: &mut DbConnection| {
            let mut state = state.clone();
            let passwords = match new.proof.has_password() {
                true => identity::passwords(conn, source.borrowed())?,
                false => Passwords::On,
            };
            // They may have been switched off since it was checked.
            if !passwords.allow(new.employee) {
                return Err(Error::SignInRequired);
            }
            if passwords.are_off() {
                identity::record_break_glass(conn, new.employee, &new.client_ip, now)?;
                let flash = Flash { tone: Tone::Warn, text: BREAK_GLASS.into() };
                state.insert(FLASH.into(), serde_json::to_string(&flash).map_err(Error::internal)?);
            }
            Session::create(conn, &new, (&hash, &stored_state(&state)?), now)
        };
        self.app.db.write(create).await?;
        Ok(key)
    }
}

// The state without what the store adds for handlers.
fn stored_state(state: &HashMap<String, String>) -> Result<String> {
    let kept: HashMap<_, _> = state.iter().filter(|(key, _)| *key != SIGNED_IN && *key != SIGN_IN).collect();
    serde_json::to_string(&kept).map_err(Error::internal)
}

impl SessionStore for Store {
    async fn load(&self, key: &CookieKey) -> std::result::Result<Option<HashMap<String, String>>, LoadError> {
        self.find(TokenHash::of(key.as_ref())).await.map_err(|error| LoadError::Other(error.into()))
    }

    async fn save(&self, state: HashMap<String, String>, _: &Duration) -> std::result::Result<CookieKey, SaveError> {
        let key = self.sign_in(state).await.map_err(|error| SaveError::Other(error.into()))?;
        CookieKey::try_from(key.expose().to_string()).map_err(|error| SaveError::Other(error.into()))
    }

    async fn update(
        &self,
        key: CookieKey,
        state: HashMap<String, String>,
        _: &Duration,
    ) -> std::result::Result<CookieKey, UpdateError> {
        let hash = TokenHash::of(key.as_ref());
        let state = stored_state(&state).map_err(|error| UpdateError::Serialization(error.into()))?;
        let update = self.app.db.write(move |conn| Ok(Session::update_state(conn, &hash, &state)?));
        update.await.map_err(|error| UpdateError::Other(error.into()))?;
        Ok(key)
    }

    async fn update_ttl(&self, _: &CookieKey, _: &Duration) -> std::result::Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, key: &CookieKey) -> std::result::Result<(), anyhow::Error> {
        let hash = TokenHash::of(key.as_ref());
        self.app.db.write(move |conn| Ok(Session::delete(conn, &hash)?)).await?;
        Ok(())
    }
}
