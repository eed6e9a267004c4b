//! The account page: the shop's name and time zone, its businesses and locations, and its notices.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::account::{self, Account, AccountChange, Business, Location};
use crate::error::{Error, Result};
use crate::pages::account::notice_settings::NoticePanel;
use crate::pages::account::second_factors::{self, RoleChoices};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

/// The path of the section.
pub const HOME: &str = "/settings/account";

#[derive(Template)]
#[template(path = "account/account_page.html")]
struct AccountPage {
    page: Page,
    name: String,
    zone: String,
    zones: Vec<String>,
    businesses: Vec<(Business, Vec<Location>)>,
    second_factors: RoleChoices,
    notices: NoticePanel,
}

/// `GET /settings/account`
pub async fn account(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let read = app.db.read(|conn| Ok((Account::get(conn)?, Business::all(conn)?, NoticePanel::facts(conn)?)));
    let (account, businesses, facts) = read.await?;
    html(AccountPage {
        notices: NoticePanel::new(&app.config.notices, &facts, &context.times),
        second_factors: second_factors::choices(&app).await?,
        name: account.name,
        zone: account.time_zone,
        zones: account::time_zones(),
        businesses,
        page: context.page("Account", Section::Account),
    })
}

/// `POST /settings/account`
pub async fn change_account(
    context: RequestContext,
    app: web::Data<State>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let change = form
        .line("name", "The shop's name", 100)
        .and_then(|name| Ok(AccountChange::Rename { name, time_zone: time_zone(&form)? }));
    change_and_return(context, app, change, "Account saved.").await
}

/// The time zone that a form names.
pub fn time_zone(form: &ProtectedForm) -> Result<String> {
    account::time_zone(form.line("zone", "The time zone", 60)?)
}

/// Makes a change that a form asks for and returns to the page with a message, or with what is wrong with the form.
pub async fn change_and_return(
    context: RequestContext,
    app: web::Data<State>,
    change: Result<AccountChange>,
    message: &str,
) -> Result<HttpResponse> {
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let outcome = match change {
        Err(error) => Err(error),
        Ok(change) => app.db.write(move |conn| account::change_account(conn, &change, (&actor, &client_ip), now)).await,
    };
    match outcome {
        Ok(()) => context.redirect(Tone::Good, message, HOME),
        Err(Error::Invalid(why)) => context.redirect(Tone::Bad, why, HOME),
        Err(error) => Err(error),
    }
}
