//! Setting up and removing the viewer's authenticator app.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::employees::Employee;
use crate::employees::second_factor::{AppSetUp, TotpSecret, remove_app, set_up_app};
use crate::error::{Error, Result};
use crate::pages::confirmation::Confirmation;
use crate::pages::profile::app_form::{AppForm, CodesPage, WRONG_CODE};
use crate::pages::profile::second_factor::{HOME, frame};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Tone, html, unprocessable};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "profile/authenticator_app.html")]
struct SetUpPage {
    page: Page,
    app: AppForm,
}

async fn load(context: &RequestContext, app: &State, secret: &TotpSecret) -> Result<SetUpPage> {
    let id = context.viewer.id;
    let employee = app.db.read(move |conn| Ok(Employee::find(conn, id)?)).await?;
    let form = AppForm::of(app, secret, &employee, &context.account.name)?;
    Ok(SetUpPage { page: frame(context, "Set up an authenticator app"), app: form })
}

/// `GET /settings/profile/second-factor/app`
pub async fn form(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    html(load(&context, &app, &TotpSecret::generate()).await?)
}

/// `POST /settings/profile/second-factor/app`: sets up the app, or replaces it, after it has shown a right code.
pub async fn set_up(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let (id, now, vault) = (context.viewer.id, context.now(), app.connections.vault.clone());
    let secret = Arc::new(TotpSecret::from_form(&vault, id, form.get("secret"), now)?);
    let (shown, code, client_ip) = (secret.clone(), form.get("code").trim().to_string(), context.client_ip.clone());
    let set_up = app.db.write(move |conn| set_up_app(conn, &vault, id, (&secret, &code), &client_ip, now));
    match set_up.await? {
        AppSetUp::WrongCode => {
            let page = load(&context, &app, &shown).await?;
            unprocessable(SetUpPage { page: page.page.with_flash(Tone::Bad, WRONG_CODE), ..page })
        }
        AppSetUp::Done(Some(codes)) => CodesPage::new(frame(&context, "Recovery codes"), codes, HOME).answer(),
        AppSetUp::Done(None) => {
            context.redirect(Tone::Good, "Authenticator app set up. Your recovery codes still work.", HOME)
        }
    }
}

/// `GET /settings/profile/second-factor/app/remove`
pub async fn remove_form(context: RequestContext) -> Result<HttpResponse> {
    let text =
        "Signing in no longer asks for its codes. Without another second factor, your recovery codes stop working too.";
    html(Confirmation {
        page: frame(&context, "Remove authenticator app"),
        heading: "Remove your authenticator app?".into(),
        text: text.into(),
        lines: Vec::new(),
        hidden: Vec::new(),
        option: None,
        action: format!("{HOME}/app/remove"),
        back: HOME.into(),
        button: "Remove".into(),
    })
}

/// `POST /settings/profile/second-factor/app/remove`
pub async fn remove(context: RequestContext, app: web::Data<State>, _: ProtectedForm) -> Result<HttpResponse> {
    let (id, now, client_ip) = (context.viewer.id, context.now(), context.client_ip.clone());
    match app.db.write(move |conn| remove_app(conn, id, &client_ip, now)).await {
        Ok(()) => context.redirect(Tone::Good, "Authenticator app removed.", HOME),
        Err(Error::Conflict(why)) => context.redirect(Tone::Bad, why, HOME),
        Err(error) => Err(error),
    }
}
