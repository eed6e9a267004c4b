//! Confirmations before a business or a location is removed, with what else changes.

use actix_web::{HttpResponse, web};

use crate::account::{Business, Location};
use crate::connections::{Connection, ConnectionFilter, ConnectionSort};
use crate::error::{Error, Result};
use crate::id::{BusinessKey, LocationKey};
use crate::pages::account::account_page::HOME;
use crate::pages::confirmation::{Confirmation, some_names};
use crate::time::count;
use crate::web::page::{RequestContext, Section, html};
use crate::web::state::State;

/// `GET /settings/account/businesses/{business}/remove`
pub async fn remove_business_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<BusinessKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let (business, connections, total) = app
        .db
        .read(move |conn| {
            let mut all = Business::all(conn)?.into_iter().map(|(business, _)| business);
            let business = all.find(|one| one.id == id).ok_or(Error::NotFound)?;
            let filter = ConnectionFilter { business: Some(id), ..ConnectionFilter::default() };
            let (rows, total) = Connection::list(conn, &filter, (ConnectionSort::Name, false), (None, false))?;
            Ok((business, rows.into_iter().map(|row| row.connection.name).collect::<Vec<_>>(), total))
        })
        .await?;
    let mut lines = Vec::new();
    if total > 0 {
        lines.push(("Connections, which stay without a business", some_names(&connections, false)));
    }
    let path = format!("{HOME}/businesses/{id}");
    html(confirmation(&context, &business.name, "Remove business", (lines, path)))
}

/// `GET /settings/account/businesses/{business}/locations/{location}/remove`
pub async fn remove_location_form(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(BusinessKey, LocationKey)>,
) -> Result<HttpResponse> {
    let (business, id) = ids.into_inner();
    let (location, total, names) = app
        .db
        .read(move |conn| {
            let of_business = Business::all(conn)?.into_iter().filter(|(one, _)| one.id == business);
            let location = of_business.flat_map(|(_, all)| all).find(|one| one.id == id).ok_or(Error::NotFound)?;
            let (total, names) = Location::employees(conn, id)?;
            Ok((location, total, names))
        })
        .await?;
    let mut lines = vec![("Employees who lose it", count(total, "employee"))];
    if !names.is_empty() {
        lines.push(("Among them", some_names(&names, total > names.len() as i64)));
    }
    let path = format!("{HOME}/businesses/{business}/locations/{id}");
    html(confirmation(&context, &location.name, "Remove location", (lines, path)))
}

fn confirmation(
    context: &RequestContext,
    name: &str,
    act: &'static str,
    (lines, path): (Vec<(&'static str, String)>, String),
) -> Confirmation {
    Confirmation {
        page: context.page(act, Section::Account).breadcrumb(HOME, "Account"),
        heading: format!("Remove {name}?"),
        text: "Apps no longer see it. Nobody loses access to anything else. You cannot undo this.".into(),
        lines,
        hidden: Vec::new(),
        option: None,
        action: format!("{path}/remove"),
        back: HOME.into(),
        button: act.into(),
    }
}
