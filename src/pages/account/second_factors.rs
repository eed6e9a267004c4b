//! Which roles need a second factor.

use actix_web::{HttpResponse, web};

use crate::employees::second_factor::{require_for_roles, required_roles};
use crate::error::Result;
use crate::pages::account::account_page::HOME;
use crate::scopes::Role;
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Tone};
use crate::web::state::State;

/// The roles as checkboxes: word, name, and whether it is checked.
pub type RoleChoices = Vec<(&'static str, &'static str, bool)>;

/// The checkboxes of the panel on the account page.
pub async fn choices(app: &State) -> Result<RoleChoices> {
    let required = app.db.read(|conn| Ok(required_roles(conn)?)).await?;
    Ok(Role::ALL.iter().map(|role| (role.word(), role.name(), required.contains(role))).collect())
}

/// `POST /settings/account/second-factors`
pub async fn choose(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let roles: Vec<Role> = form.all("role").filter_map(Role::from_word).collect();
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let act = app.db.write(move |conn| require_for_roles(conn, &roles, (&actor, &client_ip), now));
    match act.await? {
        true => context.redirect(Tone::Good, "Second factors saved. They are asked for at the next sign-in.", HOME),
        false => context.redirect(Tone::Info, "No changes to save.", HOME),
    }
}
