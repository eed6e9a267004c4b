//! "Confirm it is you" at the identity provider: what happens when somebody comes back from it.

use actix_web::HttpResponse;
use askama::Template;
use url::form_urlencoded;

use crate::employees::fresh_sign_in;
use crate::error::{Error, Result};
use crate::pages::connections::connection_summary::allow_form_redirects;
use crate::pages::sign_in::confirm::{HELD, cookie};
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
    let query = next.split_once('?').map_or("", |(_, query)| query);
    let mut response = match form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == HELD) {
        false => see_other(next),
        // A form is sent by POST only, and an answer of another site is no reason to send it.
        true => {
            let page = context.page("Confirm it is you", Section::Settings);
            let page = html(Confirmed { page, action: next.into() })?;
            match next.starts_with("/settings/connections") {
                true => allow_form_redirects(app, &context.viewer, page)?,
                false => page,
            }
        }
    };
    response.add_cookie(&cookie(app, &proof)).map_err(Error::internal)?;
    Ok(response)
}
