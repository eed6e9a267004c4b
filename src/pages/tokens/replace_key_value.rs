//! New value of an API key, with an optional overlap in which the previous value keeps working, and revoking the previous value
//! early.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::clients::Client;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{AccessTokenKey, ClientKey};
use crate::pages::tokens::access_token_detail::breadcrumbs;
use crate::pages::tokens::key_expiry::{self, KeyExpiry};
use crate::pages::tokens::token_facts::TokenFacts;
use crate::pages::tokens::token_lookup::find_access_token;
use crate::pages::tokens::token_paths::access_token_path;
use crate::time::{DAY, HOUR, Timestamp};
use crate::tokens::{AccessToken, KEY_OVERLAPS, NewKeyValue, Replaced, replace_value, revoke_previous_value};
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Tone, html, unprocessable};
use crate::web::shown_once::ShownOnce;
use crate::web::state::State;

const ALREADY_SHOWN: &str =
    "This form already created a value, and it was shown only once. If you lost it, create another one.";

#[derive(Template)]
#[template(path = "tokens/replace_key_value.html")]
struct ReplaceKeyValue {
    page: Page,
    token: TokenFacts,
    back: String,
    nonce: String,
    generation: i64,
    // Until when the previous value works, if it does.
    previous: Option<String>,
    overlaps: Vec<OverlapChoice>,
    expiry: KeyExpiry,
    form_errors: FormErrors,
}

struct OverlapChoice {
    seconds: i64,
    label: &'static str,
    hint: &'static str,
    is_checked: bool,
}

type Ids = web::Path<(ClientKey, AccessTokenKey)>;

fn overlap_choices(chosen: &str) -> Vec<OverlapChoice> {
    let choice = |seconds: i64| {
        let (label, hint) = match seconds {
            HOUR => ("In 1 hour", "If you enter the new value now."),
            DAY => ("In 24 hours", "If somebody else enters it today."),
            0 => ("Immediately", "What uses the key fails until it has the new value. Use this after a leak."),
            _ => ("In 7 days", "If it takes a while until everything has the new value."),
        };
        OverlapChoice { seconds, label, hint, is_checked: seconds.to_string() == chosen }
    };
    KEY_OVERLAPS.map(choice).into()
}

// The key with its owner. Access tokens have no values to replace.
fn find(
    conn: &mut crate::db::DbConnection,
    (client, id): (ClientKey, AccessTokenKey),
) -> Result<(Client, AccessToken, Employee)> {
    let (client, key) = find_access_token(conn, (client, None, id))?;
    let owner = Employee::find(conn, key.employee_id)?;
    if key.is_api_key() { Ok((client, key, owner)) } else { Err(Error::NotFound) }
}

/// `GET …/clients/{client}/access-tokens/{access_token}/value`
pub async fn form(context: RequestContext, app: web::Data<State>, ids: Ids) -> Result<HttpResponse> {
    let expiry = KeyExpiry::suggested(&context.times);
    html(page(&context, &app, ids.into_inner(), (overlap_choices("86400"), expiry, FormErrors::default())).await?)
}

async fn page(
    context: &RequestContext,
    app: &State,
    ids: (ClientKey, AccessTokenKey),
    (overlaps, expiry, form_errors): (Vec<OverlapChoice>, KeyExpiry, FormErrors),
) -> Result<ReplaceKeyValue> {
    let (client, key, owner) = app.db.read(move |conn| find(conn, ids)).await?;
    let back = access_token_path(client.id, None, key.id);
    let works = key.has_two_values(context.now());
    Ok(ReplaceKeyValue {
        page: breadcrumbs(context, "New value", &client, None).breadcrumb(&back, key.mask.to_string()),
        token: TokenFacts::of_access_token(context, &client, &key, &owner),
        back,
        nonce: nonce::fresh(),
        generation: key.generation,
        previous: works.then(|| context.times.exact(key.previous_expires_at).text),
        overlaps,
        expiry,
        form_errors,
    })
}

/// `POST …/clients/{client}/access-tokens/{access_token}/value`: the response shows the new value once.
pub async fn replace(
    context: RequestContext,
    app: web::Data<State>,
    ids: Ids,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let ids = ids.into_inner();
    let mut form_errors = FormErrors::default();
    let overlap = form.number("overlap").filter(|overlap| KEY_OVERLAPS.contains(overlap));
    let overlap = overlap.ok_or_else(|| Error::Invalid("Choose when the current value stops working.".into()));
    let overlap = form_errors.check("overlap", overlap);
    let expires_at = form_errors.check("expires", key_expiry::read(&form, &context.times));
    let (Some(overlap), Some(expires_at)) = (overlap, expires_at) else {
        let sent = (overlap_choices(form.get("overlap")), KeyExpiry::sent(&form, &context.times), form_errors);
        return unprocessable(page(&context, &app, ids, sent).await?);
    };
    let new = NewKeyValue { overlap, expires_at, seen_generation: form.number("generation").unwrap_or_default() };
    let (nonce, actor) = (form.get("nonce").to_string(), context.viewer.actor());
    let (client_ip, now) = (context.client_ip.clone(), context.now());
    let (client, key, replaced) = app
        .db
        .write(move |conn| {
            let (client, key, _) = find(conn, ids)?;
            nonce::spend(conn, &nonce, ALREADY_SHOWN, now)?;
            let replaced = replace_value(conn, (&client, &key), &new, (&actor, &client_ip), now)?;
            Ok((client, key, replaced))
        })
        .await?;
    show(&context, (&client, &key), &replaced, now)
}

fn show(
    context: &RequestContext,
    (client, key): (&Client, &AccessToken),
    replaced: &Replaced,
    now: Timestamp,
) -> Result<HttpResponse> {
    let back = access_token_path(client.id, None, key.id);
    let page = breadcrumbs(context, "New value", client, None).breadcrumb(&back, key.mask.to_string());
    let note = match replaced.previous_expires_at {
        end if end <= now => "The previous value does not work.".into(),
        end => format!("The previous value works until {}.", context.times.exact(end).text),
    };
    let heading = match key.label.as_str() {
        "" => "New value of an API key".into(),
        label => format!("New value of “{label}”"),
    };
    ShownOnce::new(page, heading, "API Key", &replaced.value).with_note(note).back_to(back).answer()
}

/// `POST …/clients/{client}/access-tokens/{access_token}/value/revoke-previous`
pub async fn revoke_previous(
    context: RequestContext,
    app: web::Data<State>,
    ids: Ids,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (ids, actor) = (ids.into_inner(), context.viewer.actor());
    let (client_ip, now) = (context.client_ip.clone(), context.now());
    let revoke = app.db.write(move |conn| {
        let (client, key, _) = find(conn, ids)?;
        revoke_previous_value(conn, (&client, key.id), (&actor, &client_ip), now)
    });
    let back = access_token_path(ids.0, None, ids.1);
    match revoke.await? {
        true => context.redirect(Tone::Good, "Previous value revoked.", &back),
        false => context.redirect(Tone::Info, "The previous value had already stopped working.", &back),
    }
}
