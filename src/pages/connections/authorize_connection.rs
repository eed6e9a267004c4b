//! To a provider and back: somebody is sent there to consent, and comes back with a code.
//!
//! What comes back counts only in the browser session that set out, for the connection it set out for, at the redirect URI
//! of that very client, once, within ten minutes; until all that is proven no request leaves. New tokens are stored before
//! they are used for the first time, and when they turn out to be for another account than before, a person is asked.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};

use crate::connections::refresh::{checked, exchange};
use crate::connections::remote_account::RemoteAccount;
use crate::connections::state::Authorized;
use crate::connections::token_endpoint::safe;
use crate::connections::{
    Connection, ConnectionEvent, ConnectionRequest, EventKind, OAuthClient, Outcome, Provider, TokenReply,
    remote_account, state,
};
use crate::error::{Error, Result};
use crate::id::ConnectionKey;
use crate::pages::connections::disconnect_connection::or_gone;
use crate::pages::connections::path;
use crate::secrets::TokenHash;
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Tone, see_other};
use crate::web::query::Query;
use crate::web::state::State;

const START_AGAIN: &str = "This way back does not belong to anything you started in this browser in the last ten minutes, or \
                           was used already. Nothing was changed. Open the connection and authorize it again.";

/// Sends the browser to the provider of a connection (303).
pub async fn begin_authorization(app: &State, context: &RequestContext, id: ConnectionKey) -> Result<HttpResponse> {
    let (session, now) = (context.session_key, context.now());
    let (connection, client) = app.db.read(move |conn| or_gone(Connection::with_client(conn, id), conn, id)).await?;
    let provider = Provider::of(&client, &connection.domain_prefix, &app.config.hosts)?;
    if !crate::http::may_be_called(&provider.authorize_url, app.config.outbound.private) {
        return Err(Error::Invalid("The addresses of this connection may not be called from here.".into()));
    }
    let state = ConnectionRequest::new_state();
    let secret = client.secret(&app.connections.vault)?;
    let exchange = exchange(&app.connections, &provider, &client, secret.expose(), now);
    let (url, verifier) = exchange.authorize_url(state.expose(), &connection.scope)?;
    let (vault, hash) = (app.connections.vault.clone(), state.hash());
    app.db
        .write(move |conn| ConnectionRequest::begin(conn, &vault, (id, session), &hash, verifier.as_deref(), now))
        .await?;
    Ok(see_other(url.as_str()))
}

/// `POST /settings/connections/{connection}/authorize`
pub async fn authorize(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    begin_authorization(&app, &context, *id).await
}

/// `GET /settings/connections/callback/{callback}`: where a provider sends people back to.
pub async fn callback(
    request: HttpRequest,
    app: web::Data<State>,
    callback: web::Path<String>,
    query: Query,
) -> Result<HttpResponse> {
    let context = request.extensions().get::<RequestContext>().cloned();
    let Some(context) = context.filter(|context| context.viewer.is_admin()) else {
        return Err(Error::Invalid(START_AGAIN.into()));
    };
    let get = |name: &str| query.get(name).unwrap_or_default();
    let back = verify_callback(&app, &context, &callback, get("state")).await?;
    let id = back.connection.id;
    let outcome = match back.check(get("iss"), get("domain_prefix")) {
        Err(words) => Err(words),
        Ok(()) if !get("error").is_empty() => {
            let said = match get("error_description") {
                "" => safe(get("error"), &[]),
                description => format!("{}: {}", safe(get("error"), &[]), safe(description, &[])),
            };
            Err(format!("The provider said no: {said}."))
        }
        Ok(()) if get("code").is_empty() => Err("The provider sent neither a code nor an error.".into()),
        Ok(()) => redeem(&app, &back, get("code"), context.now()).await?,
    };
    match outcome {
        Ok(reply) => adopt(&app, &context, back, reply).await,
        Err(words) => {
            let (by, now, noted) = (context.viewer.name.clone(), context.now(), words.clone());
            app.db
                .write(move |conn| Ok(ConnectionEvent::record(conn, id, (EventKind::NotAuthorized, &noted), &by, now)?))
                .await?;
            let text = format!("{words} Nothing was changed; authorize it again when that is put right.");
            context.redirect(Tone::Bad, text, &path(id))
        }
    }
}

/// A way back that is proven to belong here.
pub(crate) struct Back {
    /// Where it began.
    pub(crate) request: ConnectionRequest,
    /// The connection it began for.
    pub(crate) connection: Connection,
    /// What the shop is at its provider.
    pub(crate) client: OAuthClient,
    /// The provider.
    pub(crate) provider: Provider,
}

async fn verify_callback(app: &State, context: &RequestContext, callback: &str, state: &str) -> Result<Back> {
    let start_again = || Error::Invalid(START_AGAIN.into());
    let (hash, session, now) = (TokenHash::of(state), context.session_key, context.now());
    let found = app
        .db
        .write(move |conn| {
            let Some(request) = ConnectionRequest::verify_callback(conn, &hash, session, now)? else {
                return Ok(None);
            };
            let (connection, client) = Connection::with_client(conn, request.connection_id)?;
            Ok(Some((request, connection, client)))
        })
        .await?;
    let (request, connection, client) = found.ok_or_else(start_again)?;
    if client.callback != callback {
        return Err(start_again());
    }
    let provider = Provider::of(&client, &connection.domain_prefix, &app.config.hosts)?;
    Ok(Back { request, connection, client, provider })
}

impl Back {
    // RFC 9207 section 2.4, and X-Series' own word for whose server it was.
    fn check(&self, iss: &str, domain_prefix: &str) -> std::result::Result<(), String> {
        let wrong =
            |what: &str| Err(format!("The answer came from another server than the one that was asked ({what})."));
        match &self.provider.issuer {
            Some(issuer) if iss.is_empty() && issuer.promised => wrong("it does not say from which"),
            Some(issuer) if !iss.is_empty() && iss != issuer.name => wrong("another issuer"),
            _ if !domain_prefix.is_empty() && domain_prefix != self.connection.domain_prefix => {
                wrong("another domain prefix")
            }
            _ => Ok(()),
        }
    }
}

type Redeemed = std::result::Result<Box<TokenReply>, String>;

async fn redeem(app: &State, back: &Back, code: &str, now: crate::time::Timestamp) -> Result<Redeemed> {
    let (secret, verifier) =
        (back.client.secret(&app.connections.vault)?, back.request.verifier(&app.connections.vault)?);
    let exchange = exchange(&app.connections, &back.provider, &back.client, secret.expose(), now);
    let outcome = exchange.redeem(code, verifier.as_ref().map(|verifier| verifier.expose())).await?;
    Ok(match checked(outcome, &back.connection) {
        Outcome::Issued(reply) => Ok(reply),
        Outcome::Refused { words, .. } => Err(format!("The provider refused the code: {words}.")),
        Outcome::Later { words, .. } => Err(format!("The code could not be redeemed. {words}")),
    })
}

async fn adopt(app: &State, context: &RequestContext, back: Back, reply: Box<TokenReply>) -> Result<HttpResponse> {
    use oauth2::TokenResponse;
    let reply = Arc::new(*reply);
    let (request, vault, kept) = (back.request.clone(), app.connections.vault.clone(), reply.clone());
    app.db.with_long_timeout().write(move |conn| request.hold(conn, &vault, &kept)).await?;
    let seen = remote_account::see(&app.connections.http, &back.provider, reply.access_token().secret()).await;
    let connection = &back.connection;
    if !connection.account_id.is_empty() && seen.as_ref().map(|seen| &seen.id) != Ok(&connection.account_id) {
        return Ok(see_other(&format!("{}/account", path(connection.id))));
    }
    keep(app, context, &back, &reply, seen.unwrap_or_default()).await?;
    context.redirect(Tone::Good, format!("{} is connected.", connection.name), &path(connection.id))
}

/// Stores what a way back brought. Errors: [`Error::Conflict`] when it was stored or let go already, or when the
/// connection leads elsewhere by now.
pub(crate) async fn keep(
    app: &State,
    context: &RequestContext,
    back: &Back,
    reply: &Arc<TokenReply>,
    account: RemoteAccount,
) -> Result<()> {
    let authorized = Authorized {
        account_id: account.id,
        account_name: account.name,
        by: context.viewer.id,
        by_name: context.viewer.name.clone(),
        client_ip: context.client_ip.clone(),
    };
    let (transition_context, reply, now) = (app.connections.transition_context(), reply.clone(), context.now());
    let (request, connection) = (back.request.id, back.connection.clone());
    app.db
        .with_long_timeout()
        .write(move |conn| {
            if !ConnectionRequest::release(conn, request)? {
                return Err(state::changed_meanwhile());
            }
            let (present, client) = Connection::with_client(conn, connection.id)?;
            // Tokens of one server do not belong to another.
            if present.oauth_client_id != connection.oauth_client_id
                || present.domain_prefix != connection.domain_prefix
            {
                return Err(state::changed_meanwhile());
            }
            state::adopt(conn, &transition_context, (&present, &client), &reply, &authorized, now)
        })
        .await
}
