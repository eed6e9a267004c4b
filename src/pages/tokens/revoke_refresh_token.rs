//! Revoking a refresh token: the confirmation page with its impact, and the act.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::{Detail, TokenCount};
use crate::employees::Employee;
use crate::error::Result;
use crate::id::{ClientKey, RefreshTokenKey};
use crate::pages::clients::client_detail::{HOME, added_since_confirmation, path as client_path, seen};
use crate::pages::tokens::token_lookup::{
    Revocation, find_unrevoked_refresh_token, own_tokens_only, unless_already_revoked,
};
use crate::pages::tokens::token_paths::refresh_token_path;
use crate::time::DisplayTime;
use crate::tokens::RefreshToken;
use crate::tokens::revocation;
use crate::tokens::revocation::{RevocationImpact, Revoked, Target};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "tokens/revoke_refresh_token.html")]
struct RevokeRefreshToken {
    page: Page,
    client: String,
    mask: String,
    employee: String,
    back: String,
    impact: RevocationImpact,
    last_used: DisplayTime,
}

/// `GET …/refresh-tokens/{refresh_token}/revoke`
pub async fn form(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, RefreshTokenKey)>,
) -> Result<HttpResponse> {
    let (client, id) = ids.into_inner();
    let (client, token, employee, impact) = app
        .db
        .read(move |conn| {
            let (client, token) = find_unrevoked_refresh_token(conn, client, id)?;
            let employee = Employee::find(conn, token.employee_id)?;
            let impact = RevocationImpact::of(conn, &Target::RefreshToken(client.clone(), token.clone()))?;
            Ok((client, token, employee, impact))
        })
        .await?;
    if !context.viewer.may_act_for(token.employee_id) {
        return Err(own_tokens_only());
    }
    let back = refresh_token_path(client.id, token.id);
    html(RevokeRefreshToken {
        page: context
            .page("Revoke refresh token", Section::Clients)
            .breadcrumb(HOME, "Client API Access")
            .breadcrumb(client_path(client.id), &client.name)
            .breadcrumb(&back, token.mask.to_string()),
        client: client.name,
        mask: token.mask.characters().into(),
        employee: employee.name,
        back,
        last_used: context.times.ago(impact.last_used_at),
        impact,
    })
}

/// `POST …/refresh-tokens/{refresh_token}/revoke`
pub async fn revoke(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, RefreshTokenKey)>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (client, id) = ids.into_inner();
    let (seen, viewer, client_ip, now) =
        (seen(&form), context.viewer.clone(), context.client_ip.clone(), context.now());
    let revocation = app.db.write(move |conn| {
        unless_already_revoked(find_unrevoked_refresh_token(conn, client, id).and_then(|(client, token)| {
            if !viewer.may_act_for(token.employee_id) {
                return Err(own_tokens_only());
            }
            let target = Target::RefreshToken(client, token.clone());
            let revoked = revocation::revoke(conn, &target, seen, (&viewer.actor(), &client_ip), now)?;
            Ok((token, revoked))
        }))
    });
    match revocation.await? {
        Revocation::Revoked((token, revoked)) => {
            let to = if revoked.takes_a_while() { refresh_token_path(client, id) } else { client_path(client) };
            context.redirect(Tone::Good, message(&token, &revoked), &to)
        }
        Revocation::AlreadyRevoked(how) => context.redirect(Tone::Info, how, &client_path(client)),
    }
}

fn message(token: &RefreshToken, revoked: &Revoked) -> String {
    let access_tokens = Detail { refresh_tokens: TokenCount::default(), ..revoked.detail.clone() }.counts();
    let mut text = match (access_tokens.is_empty(), revoked.is_purging) {
        (true, _) => format!("Refresh token {} revoked. It had no access tokens.", token.mask),
        (false, false) => format!("Refresh token {} revoked, together with {access_tokens}.", token.mask),
        (false, true) => {
            format!(
                "Refresh token {} revoked, together with {access_tokens}. The records are being deleted.",
                token.mask
            )
        }
    };
    text.push_str(&added_since_confirmation(revoked));
    text
}
