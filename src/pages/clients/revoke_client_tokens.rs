//! Revoke all refresh tokens and API keys of a client, and keep the client: counts them, and leads to the confirmation.

use actix_web::{HttpResponse, web};

use crate::access::bulk_revocation::{Selection, begin, prepare};
use crate::clients::find_for_update;
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::pages::access::REVOCATIONS;
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, see_other};
use crate::web::state::State;

/// `POST /settings/client-api-access/clients/{client}/revoke-tokens`
pub async fn start(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let viewer = context.viewer.clone();
    if !viewer.is_manager() {
        let why = "Only store managers and admins can revoke all tokens of a client. You can revoke your own.";
        return Err(Error::Forbidden(why.into()));
    }
    let (id, now, client_ip) = (*id, context.now(), context.client_ip.clone());
    let count = app.db.read(move |conn| {
        let selection = Selection::of_client(&find_for_update(conn, id)?);
        let counted = prepare(conn, &selection, now)?;
        Ok((selection, counted))
    });
    let (selection, counted) = count.await?;
    let store = move |conn: &mut _| begin(conn, &selection, &counted, ((viewer.id, &viewer.actor()), &client_ip), now);
    let revocation = app.db.write(store).await?;
    Ok(see_other(&format!("{REVOCATIONS}/{revocation}")))
}
