//! The page of one API token.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::api_tokens::ApiToken;
use crate::employees::Employee;
use crate::error::Result;
use crate::id::ApiTokenKey;
use crate::pages::api_tokens::{ApiTokenRow, HOME};
use crate::time::DisplayTime;
use crate::web::page::{Page, RequestContext, Section, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "api_tokens/api_token_detail.html")]
struct ApiTokenDetail {
    page: Page,
    token: ApiTokenRow,
    // The role it was given.
    role: &'static str,
    revoked: Option<DisplayTime>,
    may_revoke: bool,
}

/// `GET /settings/api-tokens/{api_token}`
pub async fn detail(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ApiTokenKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let read = move |conn: &mut _| {
        let token = ApiToken::find(conn, id)?;
        Ok((Employee::find(conn, token.employee_id)?, token))
    };
    let (employee, token) = app.db.read(read).await?;
    html(ApiTokenDetail {
        page: context.page(&token.name, Section::ApiTokens).breadcrumb(HOME, "API tokens"),
        role: token.role.name(),
        revoked: token.revoked_at.map(|at| context.times.exact(at)),
        may_revoke: token.revoked_at.is_none() && token.expires_at > context.now(),
        token: ApiTokenRow::of(&token, &employee, &context.times),
    })
}
