//! Authorizing a connection: the redirect to its provider, and the callback.

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};

use crate::connections::authorization::{AuthorizationOutcome, CallbackParameters};
use crate::error::{Error, Result};
use crate::id::ConnectionKey;
use crate::pages::connections::{path, requester};
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Tone, see_other};
use crate::web::query::Query;
use crate::web::state::State;

const NO_PENDING_AUTHORIZATION: &str = "This authorization was not started in this browser within the last ten minutes, or it is already \
     complete. Nothing was changed. Open the connection and authorize it again.";

/// Redirects the browser to the provider of a connection.
pub(super) async fn redirect_to_provider(
    app: &State,
    context: &RequestContext,
    id: ConnectionKey,
) -> Result<HttpResponse> {
    Ok(see_other(app.connections.begin_authorization(id, context.session_key).await?.as_str()))
}

/// `POST /settings/connections/{connection}/authorize`
pub async fn authorize(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    redirect_to_provider(&app, &context, *id).await
}

/// `GET /settings/connections/callback/{callback}`: the redirect URI of app credentials.
pub async fn callback(
    request: HttpRequest,
    app: web::Data<State>,
    callback: web::Path<String>,
    query: Query,
) -> Result<HttpResponse> {
    let none_pending = || Error::Invalid(NO_PENDING_AUTHORIZATION.into());
    let context = request.extensions().get::<RequestContext>().cloned();
    let context = context.filter(|context| context.viewer.is_admin()).ok_or_else(none_pending)?;
    let get = |name: &str| query.get(name).unwrap_or_default();
    let verified = app.connections.verify_callback(context.session_key, &callback, get("state")).await?;
    let verified = verified.ok_or_else(none_pending)?;
    let parameters = CallbackParameters {
        code: get("code"),
        error: get("error"),
        error_description: get("error_description"),
        iss: get("iss"),
        domain_prefix: get("domain_prefix"),
    };
    let outcome = app.connections.complete_authorization(&verified, parameters, &requester(&context)).await?;
    let page = path(verified.connection.id);
    match outcome {
        AuthorizationOutcome::Authorized => {
            context.redirect(Tone::Good, format!("{} is connected.", verified.connection.name), &page)
        }
        AuthorizationOutcome::ConfirmAccount => Ok(see_other(&format!("{page}/account"))),
        AuthorizationOutcome::Failed(why) => {
            let text = format!("{why} Nothing was changed. Resolve the problem, then authorize the connection again.");
            context.redirect(Tone::Bad, text, &page)
        }
    }
}
