//! The viewer's passkeys: adding, renaming and removing them.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::employees::Employee;
use crate::employees::second_factor::passkey::{Passkey, Verifier, register, remove_passkey, rename_passkey};
use crate::error::{Error, Result};
use crate::id::PasskeyKey;
use crate::pages::confirmation::Confirmation;
use crate::pages::profile::app_form::CodesPage;
use crate::pages::profile::second_factor::{HOME, frame};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Tone, html, unprocessable};
use crate::web::passkey_form;
use crate::web::state::State;

#[derive(Template)]
#[template(path = "profile/add_passkey.html")]
struct AddPasskey {
    page: Page,
    options: String,
    name: String,
}

#[derive(Template)]
#[template(path = "profile/rename_passkey.html")]
struct RenamePasskey {
    page: Page,
    action: String,
    before: String,
    name: String,
}

const NO_HOST_NAME: &str = "Passkeys need an address with a host name: this server is open under an IP address.";

async fn load(context: &RequestContext, app: &State, verifier: &Verifier, name: String) -> Result<AddPasskey> {
    let id = context.viewer.id;
    let read = app.db.read(move |conn| Ok((Employee::find(conn, id)?, Passkey::of(conn, id)?)));
    let (employee, existing) = read.await?;
    let person = (id, employee.name.as_str(), employee.email.as_str());
    let shop = (context.account.name.as_str(), existing.as_slice());
    let options = passkey_form::create_options(verifier, person, shop, context.now());
    Ok(AddPasskey { page: frame(context, "Add a passkey"), options, name })
}

/// `GET /settings/profile/second-factor/passkeys`
pub async fn add_form(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let Some(verifier) = app.passkeys() else { return context.redirect(Tone::Bad, NO_HOST_NAME, HOME) };
    html(load(&context, &app, &verifier, String::new()).await?)
}

/// `POST /settings/profile/second-factor/passkeys`
pub async fn add(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let Some(verifier) = app.passkeys() else { return context.redirect(Tone::Bad, NO_HOST_NAME, HOME) };
    let (id, now, asked) = (context.viewer.id, context.now(), verifier.clone());
    let client_ip = context.client_ip.clone();
    let added = match passkey_form::created(&form) {
        Ok(new) => app.db.write(move |conn| register(conn, &asked, id, &new, &client_ip, now)).await,
        Err(error) => Err(error),
    };
    match added {
        Ok(Some(codes)) => CodesPage::new(frame(&context, "Recovery codes"), codes, HOME).answer(),
        Ok(None) => context.redirect(Tone::Good, "Passkey added.", HOME),
        Err(Error::Invalid(why)) => {
            let page = load(&context, &app, &verifier, form.get("name").chars().take(100).collect()).await?;
            unprocessable(AddPasskey { page: page.page.with_flash(Tone::Bad, why), ..page })
        }
        Err(error) => Err(error),
    }
}

async fn find(context: &RequestContext, app: &State, passkey: PasskeyKey) -> Result<Passkey> {
    let id = context.viewer.id;
    app.db.read(move |conn| Ok(Passkey::find(conn, id, passkey)?)).await
}

fn path(passkey: PasskeyKey) -> String {
    format!("{HOME}/passkeys/{passkey}")
}

/// `GET /settings/profile/second-factor/passkeys/{passkey}/rename`
pub async fn rename_form(
    context: RequestContext,
    app: web::Data<State>,
    passkey: web::Path<PasskeyKey>,
) -> Result<HttpResponse> {
    let before = find(&context, &app, *passkey).await?.name;
    let (page, action) = (frame(&context, "Rename passkey"), format!("{}/rename", path(*passkey)));
    html(RenamePasskey { page, action, name: before.clone(), before })
}

/// `POST /settings/profile/second-factor/passkeys/{passkey}/rename`
pub async fn rename(
    context: RequestContext,
    app: web::Data<State>,
    passkey: web::Path<PasskeyKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (passkey, before) = (*passkey, find(&context, &app, *passkey).await?.name);
    let name = match form.line("name", "The name", 100) {
        Ok(name) => name,
        Err(Error::Invalid(why)) => {
            let page = frame(&context, "Rename passkey").with_flash(Tone::Bad, why);
            let (action, name) = (format!("{}/rename", path(passkey)), form.get("name").chars().take(100).collect());
            return unprocessable(RenamePasskey { page, action, before, name });
        }
        Err(error) => return Err(error),
    };
    let (id, now, client_ip) = (context.viewer.id, context.now(), context.client_ip.clone());
    app.db.write(move |conn| rename_passkey(conn, (id, passkey), &name, &client_ip, now)).await?;
    context.redirect(Tone::Good, "Passkey renamed.", HOME)
}

/// `GET /settings/profile/second-factor/passkeys/{passkey}/remove`
pub async fn remove_form(
    context: RequestContext,
    app: web::Data<State>,
    passkey: web::Path<PasskeyKey>,
) -> Result<HttpResponse> {
    let Passkey { name, .. } = find(&context, &app, *passkey).await?;
    html(Confirmation {
        page: frame(&context, "Remove passkey"),
        heading: format!("Remove the passkey {name}?"),
        text:
            "You can no longer sign in with it. Delete it on your device as well, so that it is not offered any more."
                .into(),
        lines: Vec::new(),
        hidden: Vec::new(),
        option: None,
        action: format!("{}/remove", path(*passkey)),
        back: HOME.into(),
        button: "Remove".into(),
    })
}

/// `POST /settings/profile/second-factor/passkeys/{passkey}/remove`
pub async fn remove(
    context: RequestContext,
    app: web::Data<State>,
    passkey: web::Path<PasskeyKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, passkey, now, client_ip) = (context.viewer.id, *passkey, context.now(), context.client_ip.clone());
    match app.db.write(move |conn| remove_passkey(conn, (id, passkey), &client_ip, now)).await {
        Ok(()) => context.redirect(Tone::Good, "Passkey removed.", HOME),
        Err(Error::Conflict(why)) => context.redirect(Tone::Bad, why, HOME),
        Err(error) => Err(error),
    }
}
