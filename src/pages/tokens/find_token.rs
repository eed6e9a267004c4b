//! Find a token: looks up a token or client secret by its whole value. Only a hash of the value is used, and nothing is kept.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::find_token::{FoundToken, TokenSearch, find_token, parse_pasted_token};
use crate::error::{Error, Result};
use crate::pages::clients::client_detail::{HOME, path as client_path};
use crate::pages::tokens::token_paths::{access_token_path, refresh_token_path};
use crate::secrets::NotAToken;
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "tokens/find_token.html")]
struct FindToken {
    page: Page,
    problem: Option<Problem>,
}

/// Why a search found nothing.
#[derive(Clone, Copy)]
enum Problem {
    Mistyped,
    NotOurs,
    NotFound,
}

impl Problem {
    fn heading(self) -> &'static str {
        match self {
            Problem::Mistyped => "Check the token",
            Problem::NotOurs => "Not a token from this server",
            Problem::NotFound => "Token not found",
        }
    }

    fn explanation(self) -> &'static str {
        match self {
            Problem::Mistyped => "At least one character is wrong. Copy the whole token again.",
            Problem::NotOurs => {
                "Our tokens and client secrets have 60 or 61 characters, with _rt_, _at_, _ak_ or _cs_ after the first seven."
            }
            Problem::NotFound => "It may have been revoked, or expired and deleted. It gives no access.",
        }
    }
}

/// `GET /settings/client-api-access/find-token`
pub async fn form(context: RequestContext) -> Result<HttpResponse> {
    show(&context, None)
}

/// `POST /settings/client-api-access/find-token`
pub async fn find(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let pasted = match parse_pasted_token(form.get("token")) {
        Ok(pasted) => pasted,
        Err(NotAToken::Mistyped) => return show(&context, Some(Problem::Mistyped)),
        Err(NotAToken::Foreign) => return show(&context, Some(Problem::NotOurs)),
    };
    let (viewer, actor) = (context.viewer.id, context.viewer.actor());
    let (client_ip, now) = (context.client_ip.clone(), context.now());
    let search = app.db.write(move |conn| find_token(conn, &pasted, (viewer, &actor), &client_ip, now));
    match search.await? {
        TokenSearch::Found(token) => open(&context, token),
        TokenSearch::NotFound => show(&context, Some(Problem::NotFound)),
        TokenSearch::TooMany(seconds) => Err(Error::TooManyRequests(seconds)),
    }
}

fn show(context: &RequestContext, problem: Option<Problem>) -> Result<HttpResponse> {
    html(FindToken {
        page: context.page("Find a token", Section::Clients).breadcrumb(HOME, "Client API Access"),
        problem,
    })
}

fn open(context: &RequestContext, token: FoundToken) -> Result<HttpResponse> {
    match token {
        FoundToken::AccessToken(client, id) => Ok(see_other(&access_token_path(client, None, id))),
        FoundToken::RefreshToken(client, id) => Ok(see_other(&refresh_token_path(client, id))),
        FoundToken::ReplacedRefreshToken(client, id) => {
            let note = "You searched for an earlier value of this refresh token. It was refreshed since then.";
            context.redirect(Tone::Info, note, &refresh_token_path(client, id))
        }
        FoundToken::ClientSecret(client) => {
            let note = "You searched for a client secret of this client. Anyone who has it can act as the client: \
                        regenerate it.";
            context.redirect(Tone::Info, note, &client_path(client))
        }
    }
}
