//! Begins a bulk revocation: counts what was selected, and leads to the confirmation.

use actix_web::{HttpResponse, web};

use crate::access::bulk_revocation::{Selection, TokenId, begin, prepare};
use crate::error::{Error, Result};
use crate::pages::access::REVOCATIONS;
use crate::pages::access::inventory::nothing_selected;
use crate::pages::access::inventory_filters::InventoryState;
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, see_other};
use crate::web::query::Query;
use crate::web::state::State;

// The tokens that a form selects, each once.
fn chosen(form: &ProtectedForm) -> Result<Vec<TokenId>> {
    let mut ids = Vec::new();
    for text in form.all("token") {
        let id = TokenId::parse(text).ok_or_else(|| {
            Error::Invalid("The selection is damaged. Open the list and select the tokens again.".into())
        })?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    match ids.len() <= Selection::MOST {
        true => Ok(ids),
        false => Err(Error::Invalid(format!("Select at most {} tokens at a time.", Selection::MOST))),
    }
}

/// `POST /settings/access/revocations`
pub async fn start(
    context: RequestContext,
    app: web::Data<State>,
    query: Query,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let chosen = if form.get("all").is_empty() { chosen(&form)? } else { Vec::new() };
    if chosen.is_empty() && form.get("all").is_empty() {
        return nothing_selected(&context, &app, &query).await;
    }
    let filter = InventoryState::read(&query)?.filter;
    let viewer = context.viewer.clone();
    let selection = Selection { chosen, filter, only: (!viewer.is_manager()).then_some(viewer.id), client: None };
    let (read, now, client_ip) = (selection.clone(), context.now(), context.client_ip.clone());
    let counted = app.db.read(move |conn| prepare(conn, &read, now)).await?;
    let store = move |conn: &mut _| begin(conn, &selection, &counted, ((viewer.id, &viewer.actor()), &client_ip), now);
    let id = app.db.write(store).await?;
    Ok(see_other(&format!("{REVOCATIONS}/{id}")))
}
