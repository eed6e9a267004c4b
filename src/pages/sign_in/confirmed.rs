//! "Confirm it is you" at the identity provider: what happens when somebody comes back from it.

use actix_web::HttpResponse;
use askama::Template;

use crate::employees::{HeldForm, fresh_sign_in};
use crate::error::{Error, Result};
use crate::pages::connections::connection_summary::allow_form_redirects;
use crate::pages::sign_in::confirm::cookie;
use crate::pages::sign_in::held_address::{continue_at, held_in};
use crate::secrets::RandomSecret;
use crate::web::page::{Page, RequestContext, Section, html, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "sign_in/confirmed.html")]
struct Confirmed {
    page: Page,
    action: String,
}

/// Records that somebody confirmed at the identity provider that it is them, and continues with what they sent, or at `next`.
pub(super) async fn confirmed_at_provider(app: &State, context: &RequestContext, next: &str) -> Result<HttpResponse> {
    let proof = RandomSecret::generate();
    let (hash, client_ip, now) = (proof.hash(), context.client_ip.clone(), context.now());
    let (employee, session) = (context.viewer.id, context.session_key);
    let confirm = move |conn: &mut _| fresh_sign_in::confirm(conn, (employee, session), &hash, &client_ip, now);
    app.db.write(confirm).await?;
    let (path, query) = next.split_once('?').unwrap_or((next, ""));
    let mut response = match held_in(query) {
        None => see_other(next),
        Some(id) => {
            let path = path.to_string();
            let find = move |conn: &mut _| Ok(HeldForm::find(conn, (id, session), &path, now)?);
            match app.db.lookup(find).await? {
                Some(held) => continue_page(app, context, &held)?,
                None => see_other("/settings"),
            }
        }
    };
    response.add_cookie(&cookie(app, &proof)).map_err(Error::internal)?;
    Ok(response)
}

// A form is sent by POST only, and an answer of another site is no reason to send it. The button leads to where the form was
// sent and nowhere else.
fn continue_page(app: &State, context: &RequestContext, held: &HeldForm) -> Result<HttpResponse> {
    let page = context.page("Confirm it is you", Section::Settings);
    let page = html(Confirmed { page, action: continue_at(&held.address, held.id) })?;
    match held.address.starts_with("/settings/connections") {
        true => allow_form_redirects(app, &context.viewer, page),
        false => Ok(page),
    }
}
