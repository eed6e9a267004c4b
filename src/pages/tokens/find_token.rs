//! Finding a token, or a client secret, by its whole value. The value is hashed at once and kept nowhere: not in an address, a log or a session.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::{Detail, Kind, NewActivity, Subject};
use crate::clients::{Client, ClientSecret};
use crate::db::DbConnection;
use crate::employees::{Attempt, Attempts};
use crate::error::{Error, Result};
use crate::pages::clients::client_detail::{HOME, path as client_path};
use crate::pages::tokens::token_table::{access_token_path, refresh_token_path};
use crate::secrets::{NotAToken, PlainToken, TokenHash};
use crate::tokens::{AccessToken, RefreshToken};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "tokens/find_token.html")]
struct FindToken {
    page: Page,
    problem: Option<(&'static str, &'static str)>,
}

/// `GET /settings/client-api-access/find-token`
pub async fn form(context: RequestContext) -> Result<HttpResponse> {
    show_find_token(&context, None)
}

fn show_find_token(context: &RequestContext, problem: Option<(&'static str, &'static str)>) -> Result<HttpResponse> {
    html(FindToken {
        page: context.page("Find a token", Section::Clients).breadcrumb(HOME, "Client API Access"),
        problem,
    })
}

enum Search {
    Found(String, Option<&'static str>),
    Wait(i64),
    Nothing,
}

/// `POST /settings/client-api-access/find-token`: the value is hashed at once and kept nowhere. It takes a whole token, or
/// the SHA-256 of one in hexadecimal, as scanners for leaked secrets report it.
pub async fn find(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let text = form.get("token").trim();
    let text = text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")).unwrap_or(text).trim();
    let parsed = PlainToken::parse(text).map(|token| token.hash());
    let hash = match (parsed, TokenHash::from_hex(text)) {
        (Ok(hash), _) | (_, Some(hash)) => hash,
        (Err(NotAToken::Mistyped), None) => {
            let problem = "A character of it is wrong, so it cannot be looked up. Copy it again as a whole.";
            return show_find_token(&context, Some(("That token is mistyped", problem)));
        }
        (Err(NotAToken::Foreign), None) => {
            let problem =
                "Tokens and secrets from here have 60 characters, with _rt_, _at_, _ak_ or _cs_ after the first seven.";
            return show_find_token(&context, Some(("That is not one of our tokens", problem)));
        }
    };
    let (viewer, client_ip, now) = (context.viewer.clone(), context.client_ip.clone(), context.now());
    let search = app.db.write(move |conn| {
        let attempts = Attempts::of(&format!("find-token {}", viewer.id), "any", Some("page"));
        let found = look_up(conn, &hash)?;
        // Looking up what exists costs nothing; guessing does.
        match (&found, attempts.begin(conn, now)?) {
            (_, Attempt::Wait(seconds)) => return Ok(Search::Wait(seconds)),
            (Some(_), Attempt::Allowed) => attempts.succeeded(conn)?,
            (None, Attempt::Allowed) => {}
        }
        let Some((client, subject, href, note)) = found else {
            return Ok(Search::Nothing);
        };
        let entry = NewActivity::new(Kind::TokenLookedUp, viewer.actor(), subject).from(&client_ip);
        entry.with(Detail::note(format!("of {}", client.name))).record(conn, now)?;
        Ok(Search::Found(href, note))
    });
    match search.await? {
        Search::Found(href, None) => Ok(see_other(&href)),
        Search::Found(href, Some(note)) => context.redirect(Tone::Info, note, &href),
        Search::Wait(seconds) => Err(Error::TooManyRequests(seconds)),
        Search::Nothing => {
            let problem = "It may have been revoked, or have expired and been deleted. Nothing can be reached with it.";
            show_find_token(&context, Some(("No such token here", problem)))
        }
    }
}

type Hit = (Client, Subject, String, Option<&'static str>);

fn look_up(conn: &mut DbConnection, hash: &TokenHash) -> Result<Option<Hit>> {
    if let Some(token) = AccessToken::find_by_value(conn, hash)? {
        let client = Client::find(conn, token.client_id)?;
        let subject = Subject::token("access_token", token.id.0, &token.mask, &client.name, token.employee_id);
        let href = access_token_path(client.id, None, token.id);
        return Ok(Some((client, subject, href, None)));
    }
    if let Some(owner) = ClientSecret::owner(conn, hash)? {
        let client = Client::find(conn, owner)?;
        let subject = client.subject();
        let note = "That is a client secret of this client. Whoever has it can act as the client: regenerate it.";
        return Ok(Some((client, subject, client_path(owner), Some(note))));
    }
    let Some((token, newest)) = RefreshToken::find_by_value(conn, hash)? else {
        return Ok(None);
    };
    let client = Client::find(conn, token.client_id)?;
    let subject = Subject::token("refresh_token", token.id.0, &token.mask, &client.name, token.employee_id);
    let href = refresh_token_path(client.id, token.id);
    let note = (!newest).then_some("That is an earlier value of this refresh token; it has been refreshed since.");
    Ok(Some((client, subject, href, note)))
}
