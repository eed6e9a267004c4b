//! Edits of a client's registration and of an employee's role. Each needs the `ETag` of what was read.

use actix_web::web;
use diesel::prelude::*;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::access::change_employee::change_employee;
use crate::api::clients::ClientDetail;
use crate::api::context::ApiContext;
use crate::api::employees::EmployeeDetail;
use crate::api::etag::{IfMatch, tag, tagged};
use crate::api::json::{Body, line};
use crate::api::problem::{Answer, Kind, Problem};
use crate::clients::{self, Client, ClientDetails, RedirectUri, Registration, find_for_update, rules};
use crate::db::DbConnection;
use crate::employees::{Employee, EmployeeChange};
use crate::error::Result;
use crate::id::{ClientKey, EmployeeKey};
use crate::schema::{clients as client_rows, employees};
use crate::scopes::Role;
use crate::web::state::State;

/// What to change about a client; members that are left out stay as they are.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EditClient {
    /// The name, at most 100 characters.
    name: Option<String>,
    /// The website.
    website: Option<String>,
    /// All redirect URIs, 1 to 10.
    redirect_uris: Option<Vec<String>>,
    /// Whether it must use PKCE; a publicly distributed client always must.
    requires_pkce: Option<bool>,
}

/// What to change about an employee.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditEmployee {
    /// `staff`, `manager` or `admin`.
    role: String,
}

/// The tag of a client's registration.
pub fn tag_of_client(client: &Client, redirect_uris: &[String]) -> Result<String> {
    let (contact, rates) = (&client.contact, client.rates);
    tag(&(
        (client.id, &client.name, client.website.as_str(), redirect_uris),
        (client.requires_pkce(), client.grants_end_after),
        (&contact.name, &contact.email, &contact.phone),
        (rates.bucket_size, rates.drip_rate_tenths, rates.burst_limit),
    ))
}

/// The tag of an employee.
pub fn tag_of_employee(employee: &Employee) -> Result<String> {
    tag(&(employee.id, employee.role, employee.locked_at, employee.archived_at))
}

fn unprocessable(sentence: impl Into<String>) -> Problem {
    Problem::new(Kind::Unprocessable, sentence)
}

fn allowed<T>(value: std::result::Result<T, String>) -> std::result::Result<T, Problem> {
    value.map_err(unprocessable)
}

impl EditClient {
    fn details(&self, client: &Client, before: &[String]) -> std::result::Result<ClientDetails, Problem> {
        let is_public = client.publicly_distributed;
        let uris: &[String] = self.redirect_uris.as_deref().unwrap_or(before);
        let uris: Vec<&str> = uris.iter().map(|uri| uri.trim()).filter(|uri| !uri.is_empty()).collect();
        let uris = rules::redirect_uris(&uris, is_public).map_err(|errors| unprocessable(errors.join(" ")))?;
        Ok(ClientDetails {
            name: match &self.name {
                Some(name) => allowed(rules::name(line(name, "name", 100)?))?,
                None => client.name.clone(),
            },
            website: match &self.website {
                Some(website) => allowed(rules::website(website))?,
                None => client.website.clone(),
            },
            registration: Registration {
                redirect_uris: uris,
                publicly_distributed: is_public,
                requires_pkce: self.requires_pkce.unwrap_or(client.requires_pkce()) || is_public,
                grants_end_after: client.grants_end_after,
                contact: client.contact.clone(),
                rates: client.rates,
            },
        })
    }
}

fn read_client(conn: &mut DbConnection, id: ClientKey) -> Result<(Client, Vec<String>, String)> {
    let (client, uris) = (find_for_update(conn, id)?, RedirectUri::of_client(conn, id)?);
    let tag = tag_of_client(&client, &uris)?;
    Ok((client, uris, tag))
}

/// Edits the registration of a client.
#[utoipa::path(
    patch, path = "/api/v1/clients/{client}", tag = "clients", request_body = EditClient,
    params(("client" = i64, Path, description = "The client's id")),
    responses((status = 200, description = "The client", body = ClientDetail)),
)]
pub async fn edit_client(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    if_match: IfMatch,
    body: Body<EditClient>,
) -> Answer {
    let (id, (actor, client_ip), now) = (*id, context.by(), context.now);
    let edited = app.db.write(move |conn| {
        // Changes nothing: on PostgreSQL an update locks the row, so that nobody edits it between the check and the change.
        let row = client_rows::table.find(id);
        diesel::update(row).set(client_rows::name.eq(client_rows::name)).execute(conn)?;
        let (client, uris, tag) = read_client(conn, id)?;
        let details = if_match.require(&tag).and_then(|()| body.value.details(&client, &uris));
        let details = match details {
            Ok(details) => details,
            Err(problem) => return Ok(Err(problem)),
        };
        clients::edit_client(conn, &client, &details, (&actor, &client_ip), now)?;
        Ok(Ok(read_client(conn, id)?))
    });
    let (client, uris, tag) = edited.await??;
    tagged(&ClientDetail::of(&client, uris), &tag)
}

/// Changes the role of an employee. Takes effect immediately.
#[utoipa::path(
    patch, path = "/api/v1/employees/{employee}", tag = "employees", request_body = EditEmployee,
    params(("employee" = i64, Path, description = "The employee's id")),
    responses((status = 200, description = "The employee", body = EmployeeDetail)),
)]
pub async fn edit_employee(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    if_match: IfMatch,
    body: Body<EditEmployee>,
) -> Answer {
    let role = Role::from_word(&body.value.role).ok_or_else(|| unprocessable("`role` is staff, manager or admin."))?;
    let (id, (actor, client_ip), now) = (*id, context.by(), context.now);
    let edited = app.db.write(move |conn| {
        // Changes nothing: as above.
        let row = employees::table.find(id);
        diesel::update(row).set(employees::name.eq(employees::name)).execute(conn)?;
        if let Err(problem) = if_match.require(&tag_of_employee(&Employee::find(conn, id)?)?) {
            return Ok(Err(problem));
        }
        change_employee(conn, id, &EmployeeChange::Role(role), (&actor, &client_ip), now)?;
        let tag = tag_of_employee(&Employee::find(conn, id)?)?;
        Ok(Ok((EmployeeDetail::load(conn, id, now)?, tag)))
    });
    let (employee, tag) = edited.await??;
    tagged(&employee, &tag)
}
