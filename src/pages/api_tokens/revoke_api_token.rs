//! Revoking an API token: the confirmation and the act.

use actix_web::{HttpResponse, web};

use crate::api_tokens::{self, ApiToken};
use crate::employees::Employee;
use crate::error::Result;
use crate::id::ApiTokenKey;
use crate::pages::api_tokens::{HOME, path};
use crate::pages::confirmation::Confirmation;
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Section, Tone, html};
use crate::web::state::State;

const ALREADY: &str = "It was already revoked.";

/// `GET /settings/api-tokens/{api_token}/revoke`
pub async fn form(context: RequestContext, app: web::Data<State>, id: web::Path<ApiTokenKey>) -> Result<HttpResponse> {
    let id = *id;
    let read = move |conn: &mut _| {
        let token = ApiToken::find(conn, id)?;
        Ok((Employee::find(conn, token.employee_id)?, token))
    };
    let (employee, token) = app.db.read(read).await?;
    if token.revoked_at.is_some() {
        return context.redirect(Tone::Info, ALREADY, &path(id));
    }
    let (label, user) = match token.service.as_str() {
        "" => ("Person", employee.name),
        service => ("Service", format!("{service}, responsible: {}", employee.name)),
    };
    html(Confirmation {
        page: context
            .page("Revoke API token", Section::ApiTokens)
            .breadcrumb(HOME, "API tokens")
            .breadcrumb(path(id), &token.name),
        heading: format!("Revoke API token “{}”?", token.name),
        text:
            "Whatever uses it can no longer call the admin API. This takes effect immediately, and you cannot undo it."
                .into(),
        lines: vec![
            ("API token", token.mask.to_string()),
            (label, user),
            ("Last used", context.times.ago(token.last_used_at).text),
        ],
        hidden: Vec::new(),
        option: None,
        action: format!("{}/revoke", path(id)),
        back: path(id),
        button: "Revoke API token".into(),
    })
}

/// `POST /settings/api-tokens/{api_token}/revoke`
pub async fn revoke(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ApiTokenKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, actor, client_ip, now) = (*id, context.viewer.actor(), context.client_ip.clone(), context.now());
    let act = app.db.write(move |conn| {
        let token = ApiToken::find(conn, id)?;
        Ok(api_tokens::revoke(conn, id, (&actor, &client_ip), now)?.then_some(token))
    });
    match act.await? {
        Some(token) => {
            let message = format!("API token {} “{}” revoked.", token.mask, token.name);
            context.redirect(Tone::Good, message, HOME)
        }
        None => context.redirect(Tone::Info, ALREADY, &path(id)),
    }
}
