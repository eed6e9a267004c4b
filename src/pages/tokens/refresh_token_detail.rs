//! The page of one refresh token, with the access tokens issued with it.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::employees::Employee;
use crate::error::Result;
use crate::id::{ClientKey, RefreshTokenKey};
use crate::pages::clients::client_detail::{ClientFacts, HOME, path as client_path, revoking};
use crate::pages::tokens::token_facts::TokenFacts;
use crate::pages::tokens::token_lookup::find_refresh_token;
use crate::pages::tokens::token_paths::refresh_token_path;
use crate::pages::tokens::token_table::{Panel, access_token_panel, corrected};
use crate::time::DisplayTime;
use crate::tokens::RefreshToken;
use crate::tokens::listing::Within;
use crate::tokens::revocation::DeletionJob;
use crate::web::page::{Page, RequestContext, Section, html, see_other};
use crate::web::query::Query;
use crate::web::state::State;

#[derive(Template)]
#[template(path = "tokens/refresh_token_detail.html")]
struct RefreshTokenDetail {
    page: Page,
    client: ClientFacts,
    token: TokenFacts,
    times_refreshed: i64,
    last_refreshed: DisplayTime,
    access_tokens: Panel,
    path: String,
    may_revoke: bool,
}

/// `GET …/clients/{client}/refresh-tokens/{refresh_token}`
pub async fn refresh_token_detail(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, RefreshTokenKey)>,
    query: Query,
) -> Result<HttpResponse> {
    let (client, id) = ids.into_inner();
    if let Some(corrected) = corrected(&query) {
        return Ok(see_other(&format!("{}{corrected}", refresh_token_path(client, id))));
    }
    let panel = access_token_panel(&query)?;
    let (times, viewer) = (context.times.clone(), context.viewer.clone());
    let (client, token, address, employee, panel, deletion) = app
        .db
        .read(move |conn| {
            let (client, token) = find_refresh_token(conn, client, id)?;
            let address = RefreshToken::last_used_address(conn, token.id)?;
            let employee = Employee::find(conn, token.employee_id)?;
            let panel =
                panel.load(conn, Within::RefreshToken(client.id, token.id), client.state(), (&viewer, &times))?;
            let deletion = DeletionJob::of(conn, "refresh_token", token.id.0)?;
            Ok((client, token, address, employee, panel, deletion))
        })
        .await?;
    let page = context
        .page(token.mask.to_string(), Section::Clients)
        .breadcrumb(HOME, "Client API Access")
        .breadcrumb(client_path(client.id), &client.name);
    if let Some(revoked_at) = token.revoked_at {
        return revoking(page, &token.mask.to_string(), context.times.ago(revoked_at), deletion.as_ref());
    }
    html(RefreshTokenDetail {
        page,
        client: ClientFacts::of(&client),
        times_refreshed: token.generation - 1,
        last_refreshed: context.times.ago(token.rotated_at),
        access_tokens: panel,
        path: refresh_token_path(client.id, token.id),
        may_revoke: context.viewer.may_act_for(token.employee_id),
        token: TokenFacts::of_refresh_token(&context, &client, (&token, &address), &employee),
    })
}
