//! Authorizing a connection: redirect to the provider, callback, code redemption, storing the tokens.
//!
//! A callback counts only in the browser session that started the authorization, for its connection, at the redirect URI of
//! its app credentials, once, within ten minutes. No request is sent before all of that is verified. New tokens are stored
//! before their first use; if they belong to another account than before, an admin must confirm the change.

use std::sync::Arc;

use oauth2::TokenResponse;
use url::Url;

use crate::connections::provider_revocation::{Revocation, revoke_token};
use crate::connections::refresh::{check_domain_prefix, exchange};
use crate::connections::remote_account::RemoteAccount;
use crate::connections::state::Authorized;
use crate::connections::token_reply::safe;
use crate::connections::{
    Connection, ConnectionEvent, Connections, EventKind, OAuthClient, Outcome, PendingAuthorization, Provider,
    Requester, TokenReply, or_gone, remote_account, state,
};
use crate::error::{Error, Result};
use crate::id::{ConnectionKey, SessionKey};
use crate::secrets::TokenHash;

/// The parameters of an authorization response (RFC 6749 section 4.1.2); absent ones are empty.
pub struct CallbackParameters<'a> {
    /// The authorization code.
    pub code: &'a str,
    /// The error code.
    pub error: &'a str,
    /// The error description.
    pub error_description: &'a str,
    /// The issuer (RFC 9207).
    pub iss: &'a str,
    /// X-Series: the retailer that signed in.
    pub domain_prefix: &'a str,
}

/// A pending authorization whose callback is verified.
pub struct VerifiedAuthorization {
    /// The pending authorization.
    pub pending: PendingAuthorization,
    /// Its connection.
    pub connection: Connection,
    /// The app credentials of the connection.
    pub client: OAuthClient,
    /// The provider.
    pub provider: Provider,
}

/// What a callback led to.
pub enum AuthorizationOutcome {
    /// The connection has new tokens.
    Authorized,
    /// The new tokens may belong to another account; an admin must confirm the change.
    ConfirmAccount,
    /// The provider or the check of its answer refused; the reason, as sentences.
    Failed(String),
}

impl Connections {
    /// Starts an authorization in a browser session; returns the URL to redirect the browser to.
    pub async fn begin_authorization(&self, id: ConnectionKey, session: SessionKey) -> Result<Url> {
        let now = self.clock.now();
        let (connection, client) =
            self.db.read(move |conn| or_gone(Connection::with_client(conn, id), conn, id)).await?;
        let provider = Provider::of(&client, &connection.domain_prefix, &self.hosts)?;
        if !crate::http::may_be_called(&provider.authorize_url, self.allows_private) {
            return Err(Error::Invalid("This server may not call the URLs of this connection.".into()));
        }
        let state = PendingAuthorization::new_state();
        let secret = client.secret(&self.vault)?;
        let exchange = exchange(self, &provider, &client, secret.expose(), now);
        let (url, verifier) = exchange.authorize_url(state.expose(), &connection.scope)?;
        let (vault, hash) = (self.vault.clone(), state.hash());
        self.db
            .write(move |conn| {
                PendingAuthorization::create(conn, &vault, (id, session), &hash, verifier.as_deref(), now)
            })
            .await?;
        Ok(url)
    }

    /// Verifies a callback by its `state`, browser session and redirect URI. Returns nothing if it matches no pending
    /// authorization.
    pub async fn verify_callback(
        &self,
        session: SessionKey,
        callback: &str,
        state: &str,
    ) -> Result<Option<VerifiedAuthorization>> {
        let (hash, now) = (TokenHash::of(state), self.clock.now());
        let found = self
            .db
            .write(move |conn| {
                let Some(pending) = PendingAuthorization::redeem_state(conn, &hash, session, now)? else {
                    return Ok(None);
                };
                let (connection, client) = Connection::with_client(conn, pending.connection_id)?;
                Ok(Some((pending, connection, client)))
            })
            .await?;
        let Some((pending, connection, client)) = found.filter(|(_, _, client)| client.callback == callback) else {
            return Ok(None);
        };
        let provider = Provider::of(&client, &connection.domain_prefix, &self.hosts)?;
        Ok(Some(VerifiedAuthorization { pending, connection, client, provider }))
    }

    /// Completes an authorization: redeems the code and stores the tokens, or records why that failed.
    pub async fn complete_authorization(
        &self,
        verified: &VerifiedAuthorization,
        parameters: CallbackParameters<'_>,
        by: &Requester,
    ) -> Result<AuthorizationOutcome> {
        let redeemed = match verified.check(&parameters) {
            Err(why) => Err(why),
            Ok(()) => self.redeem(verified, parameters.code).await?,
        };
        match redeemed {
            Ok(reply) => self.store_or_confirm(verified, *reply, by).await,
            Err(why) => {
                let (id, by, now, noted) = (verified.connection.id, by.name.clone(), self.clock.now(), why.clone());
                self.db
                    .write(move |conn| {
                        Ok(ConnectionEvent::record(conn, id, (EventKind::NotAuthorized, &noted), &by, now)?)
                    })
                    .await?;
                Ok(AuthorizationOutcome::Failed(why))
            }
        }
    }

    async fn redeem(
        &self,
        verified: &VerifiedAuthorization,
        code: &str,
    ) -> Result<std::result::Result<Box<TokenReply>, String>> {
        let secret = verified.client.secret(&self.vault)?;
        let verifier = verified.pending.verifier(&self.vault)?;
        let exchange = exchange(self, &verified.provider, &verified.client, secret.expose(), self.clock.now());
        let outcome = exchange.redeem(code, verifier.as_ref().map(|verifier| verifier.expose())).await?;
        Ok(match check_domain_prefix(outcome, &verified.connection) {
            Outcome::Issued(reply) => Ok(reply),
            Outcome::Refused { message } => Err(format!("The provider refused the code: {message}.")),
            Outcome::Unusable { reason } => Err(reason),
            Outcome::Retry { message, .. } => Err(format!("Redeeming the code failed. {message}")),
        })
    }

    async fn store_or_confirm(
        &self,
        verified: &VerifiedAuthorization,
        reply: TokenReply,
        by: &Requester,
    ) -> Result<AuthorizationOutcome> {
        let reply = Arc::new(reply);
        let (pending, vault, stored) = (verified.pending.clone(), self.vault.clone(), reply.clone());
        self.db.with_long_timeout().write(move |conn| pending.store_tokens(conn, &vault, &stored)).await?;
        let account = self.remote_account(verified, &reply).await;
        let before = &verified.connection.account_id;
        if !before.is_empty() && account.as_ref().map(|account| &account.id) != Ok(before) {
            return Ok(AuthorizationOutcome::ConfirmAccount);
        }
        self.store_authorization(verified, &reply, account.unwrap_or_default(), by).await?;
        Ok(AuthorizationOutcome::Authorized)
    }

    /// The account that new tokens belong to. Errors: the reason as a clause.
    pub async fn remote_account(
        &self,
        verified: &VerifiedAuthorization,
        reply: &TokenReply,
    ) -> std::result::Result<RemoteAccount, String> {
        remote_account::fetch(&self.http, &verified.provider, reply.access_token().secret()).await
    }

    /// The new tokens of this browser session that wait for an admin to confirm the account.
    pub async fn unconfirmed_tokens(
        &self,
        id: ConnectionKey,
        session: SessionKey,
    ) -> Result<Option<(VerifiedAuthorization, Arc<TokenReply>)>> {
        let now = self.clock.now();
        let (found, connection, client) = self
            .db
            .read(move |conn| {
                let (connection, client) = Connection::with_client(conn, id)?;
                Ok((PendingAuthorization::find_with_tokens(conn, (id, session), now)?, connection, client))
            })
            .await?;
        let Some(pending) = found else { return Ok(None) };
        let reply = Arc::new(pending.tokens(&self.vault)?);
        let provider = Provider::of(&client, &connection.domain_prefix, &self.hosts)?;
        Ok(Some((VerifiedAuthorization { pending, connection, client, provider }, reply)))
    }

    /// Stores the tokens of an authorization. Errors: [`Error::Conflict`] if they were stored or discarded already, or if
    /// the connection has another server by now.
    pub async fn store_authorization(
        &self,
        verified: &VerifiedAuthorization,
        reply: &Arc<TokenReply>,
        account: RemoteAccount,
        by: &Requester,
    ) -> Result<()> {
        let authorized = Authorized {
            account_id: account.id,
            account_name: account.name,
            by: by.id,
            by_name: by.name.clone(),
            client_ip: by.client_ip.clone(),
        };
        let (transition_context, reply, now) = (self.transition_context(), reply.clone(), self.clock.now());
        let (pending, before) = (verified.pending.id, verified.connection.clone());
        self.db
            .with_long_timeout()
            .write(move |conn| {
                if !PendingAuthorization::delete_with_tokens(conn, pending)? {
                    return Err(state::changed_concurrently());
                }
                let (current, client) = Connection::with_client(conn, before.id)?;
                // Tokens must not be sent to another server than the one that issued them.
                if current.oauth_client_id != before.oauth_client_id || current.domain_prefix != before.domain_prefix {
                    return Err(state::changed_concurrently());
                }
                state::authorize(conn, &transition_context, (&current, &client), &reply, &authorized, now)
            })
            .await
    }

    /// Discards new tokens and revokes them at the provider.
    pub async fn discard_authorization(
        &self,
        verified: &VerifiedAuthorization,
        reply: &TokenReply,
        by: &Requester,
    ) -> Result<Revocation> {
        let (pending, id, by, now) = (verified.pending.id, verified.connection.id, by.name.clone(), self.clock.now());
        self.db
            .write(move |conn| {
                if PendingAuthorization::delete_with_tokens(conn, pending)? {
                    let details = "The new tokens were for another account and were discarded.";
                    ConnectionEvent::record(conn, id, (EventKind::NotAuthorized, details), &by, now)?;
                }
                Ok(())
            })
            .await?;
        let token = reply.refresh_token().map_or(reply.access_token().secret(), |token| token.secret());
        revoke_token(self, &verified.provider, &verified.client, token).await
    }
}

impl VerifiedAuthorization {
    // The issuer (RFC 9207 section 2.4), X-Series' domain prefix, and whether the response has a code.
    fn check(&self, parameters: &CallbackParameters<'_>) -> std::result::Result<(), String> {
        let CallbackParameters { code, error, error_description, iss, domain_prefix } = *parameters;
        let wrong_server = |what: &str| Err(format!("The answer came from a different server than expected ({what})."));
        match &self.provider.issuer {
            Some(issuer) if iss.is_empty() && issuer.is_required => return wrong_server("no issuer"),
            Some(issuer) if !iss.is_empty() && iss != issuer.name => return wrong_server("another issuer"),
            _ if !domain_prefix.is_empty() && domain_prefix != self.connection.domain_prefix => {
                return wrong_server("another domain prefix");
            }
            _ => {}
        }
        if !error.is_empty() {
            let stated = match error_description {
                "" => safe(error, &[]),
                description => format!("{}: {}", safe(error, &[]), safe(description, &[])),
            };
            return Err(format!("The provider refused access: {stated}."));
        }
        match code {
            "" => Err("The provider sent neither a code nor an error.".into()),
            _ => Ok(()),
        }
    }
}
