//! Find a token: looks up the tokens and client secrets in a pasted text. Only hashes of the values are used, and nothing is
//! kept.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::find_token::{
    FoundToken, MOST_TOKENS, PastedText, TokenOwner, TokenSearch, find_tokens, read_pasted_text, tokens_beginning_with,
};
use crate::clients::{Client, ClientState};
use crate::error::{Error, Result};
use crate::pages::api_tokens;
use crate::pages::clients::client_detail::{HOME, path as client_path};
use crate::pages::tokens::token_paths::{access_token_path, refresh_token_path};
use crate::secrets::Mask;
use crate::time::count;
use crate::tokens::TokenStatus;
use crate::web::badge::Badge;
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, Viewer, html, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "tokens/find_token.html")]
struct FindToken {
    page: Page,
    notices: Vec<Notice>,
    heading: String,
    rows: Vec<FoundRow>,
}

/// Something that was not found, in a few words and a sentence.
struct Notice {
    heading: String,
    explanation: String,
}

/// A token or client secret that was found, with what can be done about it.
struct FoundRow {
    kind: &'static str,
    mask: Option<String>,
    /// Its page, if the viewer may see it.
    href: Option<String>,
    /// The name of its client, or of an API token.
    client: String,
    client_href: Option<String>,
    employee: String,
    badge: Option<Badge>,
    note: &'static str,
    /// The page of the refresh token that an access token was issued with.
    grant_href: Option<String>,
    /// The confirmation that revokes it, if the viewer may.
    revoke_href: Option<String>,
}

/// `GET /settings/client-api-access/find-token`
pub async fn form(context: RequestContext) -> Result<HttpResponse> {
    show(&context, Vec::new(), (String::new(), Vec::new()))
}

/// `POST /settings/client-api-access/find-token`
pub async fn find(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let PastedText { tokens, mistyped, mask } = read_pasted_text(form.get("token"));
    if let (true, true, Some(mask)) = (tokens.is_empty(), mistyped.is_empty(), mask) {
        return alike(&context, &app, mask).await;
    }
    let asked = tokens.len();
    let (viewer, actor) = (context.viewer.id, context.viewer.actor());
    let (client_ip, now) = (context.client_ip.clone(), context.now());
    let (found, unknown) = match tokens.is_empty() {
        true => (Vec::new(), 0),
        false => {
            let search = app.db.write(move |conn| find_tokens(conn, &tokens, (viewer, &actor), &client_ip, now));
            match search.await? {
                TokenSearch::Done(found, unknown) => (found, unknown),
                TokenSearch::TooMany(seconds) => return Err(Error::TooManyRequests(seconds)),
            }
        }
    };
    let notices = notices(asked, unknown, &mistyped);
    if let ([token], true) = (&found[..], notices.is_empty())
        && let Some(answer) = open(&context, token)
    {
        return answer;
    }
    let heading = count(found.len() as i64, "token");
    let rows = found.iter().map(|token| row(&context, token)).collect();
    show(&context, notices, (format!("Found {heading}"), rows))
}

// Whatever begins with seven characters that a page or a log shows.
async fn alike(context: &RequestContext, app: &State, mask: Mask) -> Result<HttpResponse> {
    let wanted = mask.clone();
    let found = app.db.read(move |conn| tokens_beginning_with(conn, &wanted)).await?;
    let notices = match found.is_empty() {
        true => vec![notice(
            format!("No token begins with {}", mask.characters()),
            "It may have been revoked, or expired and deleted. Capital and small letters are different.",
        )],
        false => Vec::new(),
    };
    let heading = format!("{} with {}", begin(found.len()), mask.characters());
    show(context, notices, (heading, found.iter().map(|token| row(context, token)).collect()))
}

fn begin(found: usize) -> String {
    format!("{} {}", count(found as i64, "token"), if found == 1 { "begins" } else { "begin" })
}

fn notice(heading: String, explanation: impl Into<String>) -> Notice {
    Notice { heading, explanation: explanation.into() }
}

fn notices(asked: usize, unknown: usize, mistyped: &[Mask]) -> Vec<Notice> {
    let mut notices = Vec::new();
    if asked == 0 && mistyped.is_empty() {
        notices.push(notice(
            "No token from this server".into(),
            "Our tokens and client secrets have 60 or 61 characters, with _rt_, _at_, _ak_, _cs_ or _pt_ after the first seven. \
             You can also enter the first seven characters alone.",
        ));
    }
    if unknown > 0 {
        let heading = if asked == 1 { "Token not found".into() } else { format!("{unknown} of {asked} not found") };
        notices.push(notice(heading, "It may have been revoked, or expired and deleted. It gives no access."));
    }
    if !mistyped.is_empty() {
        let masks: Vec<&str> = mistyped.iter().map(Mask::characters).collect();
        let explanation = format!(
            "What begins with {} has a wrong character or is not complete. Copy the whole token again, or enter its first \
             seven characters alone.",
            masks.join(", ")
        );
        notices.push(notice("Check the token".into(), explanation));
    }
    if asked + mistyped.len() >= MOST_TOKENS {
        let explanation = format!("Only the first {MOST_TOKENS} tokens of the text were looked up.");
        notices.push(notice("There may be more".into(), explanation));
    }
    notices
}

fn show(
    context: &RequestContext,
    notices: Vec<Notice>,
    (heading, rows): (String, Vec<FoundRow>),
) -> Result<HttpResponse> {
    html(FindToken {
        page: context.page("Find a token", Section::Clients).breadcrumb(HOME, "Client API Access"),
        notices,
        heading,
        rows,
    })
}

// The page of what was found; none for an API token, whose page only admins see.
fn token_path(token: &FoundToken, viewer: &Viewer) -> Option<String> {
    let client = token.client.as_ref().map(|client| client.id);
    match (token.owner, client) {
        (TokenOwner::ApiToken(id, _), _) => viewer.is_admin().then(|| api_tokens::path(id)),
        (TokenOwner::ApiKey(id) | TokenOwner::PreviousApiKey(id) | TokenOwner::AccessToken(id, _), Some(client)) => {
            Some(access_token_path(client, None, id))
        }
        (TokenOwner::RefreshToken(id) | TokenOwner::ReplacedRefreshToken(id), Some(client)) => {
            Some(refresh_token_path(client, id))
        }
        (_, client) => client.map(client_path),
    }
}

fn kind_and_note(owner: TokenOwner) -> (&'static str, &'static str) {
    match owner {
        TokenOwner::ApiKey(_) => ("API key", ""),
        TokenOwner::ApiToken(..) => ("API token", ""),
        TokenOwner::PreviousApiKey(_) => {
            ("API key", "You searched for the previous value of this API key. Its page says whether that still works.")
        }
        TokenOwner::AccessToken(..) => ("Access token", ""),
        TokenOwner::RefreshToken(_) => ("Refresh token", ""),
        TokenOwner::ReplacedRefreshToken(_) => {
            ("Refresh token", "You searched for an earlier value of this refresh token. It was refreshed since then.")
        }
        TokenOwner::ClientSecret => (
            "Client secret",
            "You searched for a client secret of this client. Anyone who has it can act as the client: regenerate it.",
        ),
    }
}

fn row(context: &RequestContext, token: &FoundToken) -> FoundRow {
    let (kind, note) = kind_and_note(token.owner);
    let (client, href) = (token.client.as_ref(), token_path(token, &context.viewer));
    let details = token.token.as_ref();
    let state = client.map_or(ClientState::Active, Client::state);
    let status = |(_, employee, dates): &(Mask, _, _)| TokenStatus::of(*dates, employee, state, context.now());
    let is_revoked = matches!(token.owner, TokenOwner::ApiToken(_, true));
    let is_valid = !is_revoked && details.is_some_and(|details| status(details) != TokenStatus::Expired);
    let may_revoke = details.is_some_and(|(_, employee, _)| context.viewer.may_act_for(employee.id));
    FoundRow {
        kind,
        mask: details.map(|(mask, ..)| mask.characters().to_string()),
        client: client.map_or_else(|| token.name.clone(), |client| client.name.clone()),
        client_href: client.map(|client| client_path(client.id)),
        employee: details.map(|(_, employee, _)| employee.name.clone()).unwrap_or_default(),
        badge: match is_revoked {
            true => Some(Badge::new("bad", "x-circle", "Revoked")),
            false => details.map(|details| status(details).badge()),
        },
        note,
        grant_href: match (token.owner, client) {
            (TokenOwner::AccessToken(_, grant), Some(client)) => Some(refresh_token_path(client.id, grant)),
            _ => None,
        },
        revoke_href: href.as_ref().filter(|_| is_valid && may_revoke).map(|href| format!("{href}/revoke")),
        href,
    }
}

// The page of the only token that was found; none if the viewer may not see it.
fn open(context: &RequestContext, token: &FoundToken) -> Option<Result<HttpResponse>> {
    let path = token_path(token, &context.viewer)?;
    Some(match kind_and_note(token.owner).1 {
        "" => Ok(see_other(&path)),
        note => context.redirect(Tone::Info, note, &path),
    })
}
