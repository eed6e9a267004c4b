//! Adding and removing businesses and their locations, on the account page.

use actix_web::{HttpResponse, web};

use crate::account::AccountChange;
use crate::error::{Error, Result};
use crate::id::{BusinessKey, LocationKey};
use crate::pages::account::account_page::{change_and_return, time_zone};
use crate::web::form::ProtectedForm;
use crate::web::page::RequestContext;
use crate::web::state::State;

// A code with so many letters, like EUR or SE.
fn code(form: &ProtectedForm, name: &str, label: &str, letters: usize, example: &str) -> Result<String> {
    let code = form.line(name, label, letters)?.to_uppercase();
    match code.len() == letters && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        true => Ok(code),
        false => Err(Error::Invalid(format!("{label} must be a code of {letters} letters, like {example}."))),
    }
}

/// `POST /settings/account/businesses`
pub async fn add_business(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let change = form.line("name", "The business's name", 100).and_then(|name| {
        Ok(AccountChange::AddBusiness { name, currency: code(&form, "currency", "The currency", 3, "EUR")? })
    });
    change_and_return(context, app, change, "Business added.").await
}

/// `POST /settings/account/businesses/{business}/remove`
pub async fn remove_business(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<BusinessKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    change_and_return(context, app, Ok(AccountChange::RemoveBusiness(*id)), "Business removed.").await
}

/// `POST /settings/account/businesses/{business}/locations`
pub async fn add_location(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<BusinessKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let change = form.line("name", "The location's name", 100).and_then(|name| {
        let country = code(&form, "country", "The country", 2, "SE")?;
        Ok(AccountChange::AddLocation { business: *id, name, country, time_zone: time_zone(&form)? })
    });
    change_and_return(context, app, change, "Location added.").await
}

/// `POST /settings/account/businesses/{business}/locations/{location}/remove`
pub async fn remove_location(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(BusinessKey, LocationKey)>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (business, location) = ids.into_inner();
    change_and_return(context, app, Ok(AccountChange::RemoveLocation(business, location)), "Location removed.").await
}
