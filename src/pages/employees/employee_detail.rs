//! One employee: role and locations, and the access they authorized.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::erasure::Erasure;
use crate::access::offboarding::require_may_offboard;
use crate::account::{Business, Location};
use crate::api_tokens::ApiToken;
use crate::clients::ClientState;
use crate::connections::Connection;
use crate::db::DbConnection;
use crate::employees::second_factor::SecondFactors;
use crate::employees::{Employee, EmployeeState, OneTimeLink};
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, LocationKey};
use crate::pages::api_tokens::ApiTokenRow;
use crate::pages::connections::connection_summary::{ConnectionFacts, allow_form_redirects};
use crate::pages::employees::{BusinessChoice, HOME, badge, last_signed_in, path};
use crate::pages::tokens::token_table::{Panel, access_token_panel, api_key_panel, corrected, refresh_token_panel};
use crate::scopes::Role;
use crate::time::{DisplayTime, TimeFormat, Timestamp};
use crate::tokens::listing::Within;
use crate::tokens::revocation::DeletionJob;
use crate::web::badge::Badge;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, html, see_other};
use crate::web::query::Query;
use crate::web::state::State;

#[derive(Template)]
#[template(path = "employees/employee_detail.html")]
struct EmployeeDetail {
    page: Page,
    path: String,
    name: String,
    email: String,
    role: Role,
    badge: Badge,
    created: DisplayTime,
    last_signed_in: DisplayTime,
    is_locked: bool,
    is_archived: bool,
    erased: Option<DisplayTime>,
    // Whether a background job is still removing personal data.
    is_erasing: bool,
    is_invited: bool,
    is_viewer: bool,
    second_factor: SecondFactors,
    may_manage: bool,
    may_offboard: bool,
    link_until: Option<DisplayTime>,
    // Rows deleted so far and in all, while revoked tokens are being deleted.
    progress: Option<(i64, i64)>,
    nonce: String,
    businesses: Vec<BusinessChoice>,
    locations: String,
    access: Access,
    api_tokens: Vec<ApiTokenRow>,
    connections: Vec<ConnectionFacts>,
}

// The tokens an employee authorized.
struct Access {
    api_keys: Panel,
    refresh_tokens: Panel,
    access_tokens: Panel,
}

struct Loaded {
    employee: Employee,
    businesses: Vec<(Business, Vec<Location>)>,
    locations: Vec<LocationKey>,
    link_until: Option<Timestamp>,
    purge: Option<DeletionJob>,
    is_erasing: bool,
    api_tokens: Vec<ApiToken>,
    second_factor: SecondFactors,
    connections: Vec<ConnectionFacts>,
}

impl Loaded {
    fn load(conn: &mut DbConnection, id: EmployeeKey, times: &TimeFormat) -> Result<Loaded> {
        let connections = Connection::authorized_by(conn, id)?;
        let facts = |(connection, api_type)| ConnectionFacts::of(&connection, api_type, times);
        Ok(Loaded {
            employee: Employee::find(conn, id)?,
            businesses: Business::all(conn)?,
            locations: Location::of_employee(conn, id)?,
            link_until: OneTimeLink::open_until(conn, id, times.now())?,
            purge: DeletionJob::of(conn, "employee", id.0)?,
            is_erasing: Erasure::is_running(conn, id)?,
            api_tokens: ApiToken::valid_of(conn, id, times.now())?,
            second_factor: SecondFactors::of(conn, id)?,
            connections: connections.into_iter().map(facts).collect(),
        })
    }
}

/// `GET /settings/employees/{employee}`
pub async fn detail(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    query: Query,
) -> Result<HttpResponse> {
    let id = *id;
    if !context.viewer.may_act_for(id) {
        let text = "You can see your own page only. Store managers and admins can see every employee.";
        return Err(Error::Forbidden(text.into()));
    }
    if let Some(corrected) = corrected(&query) {
        return Ok(see_other(&format!("{}{corrected}", path(id))));
    }
    let (api_keys, refresh_tokens) = (api_key_panel(&query)?, refresh_token_panel(&query)?);
    let access_tokens = access_token_panel(&query)?;
    let (times, viewer) = (context.times.clone(), context.viewer.clone());
    let (loaded, access) = app
        .db
        .read(move |conn| {
            let loaded = Loaded::load(conn, id, &times)?;
            let (within, state) = (Within::Employee(id), ClientState::Active);
            let access = Access {
                api_keys: api_keys.load(conn, within, state, (&viewer, &times))?,
                refresh_tokens: refresh_tokens.load(conn, within, state, (&viewer, &times))?,
                access_tokens: match access_tokens.is_open() {
                    true => access_tokens.load(conn, within, state, (&viewer, &times))?,
                    false => access_tokens.folded(conn, within, || "100+".into(), &times)?,
                },
            };
            Ok((loaded, access))
        })
        .await?;
    allow_form_redirects(&app, &context.viewer, html(page(&context, loaded, access))?)
}

fn page(context: &RequestContext, loaded: Loaded, access: Access) -> EmployeeDetail {
    let Loaded {
        employee,
        businesses,
        locations,
        link_until,
        purge,
        is_erasing,
        api_tokens,
        second_factor,
        connections,
    } = loaded;
    let mut page = context.page(&employee.name, Section::Employees).breadcrumb(HOME, "Employees");
    page.refresh = purge.as_ref().map(|_| 2);
    let businesses = BusinessChoice::all(businesses, &locations);
    let names = BusinessChoice::chosen_names(&businesses);
    EmployeeDetail {
        page,
        path: path(employee.id),
        progress: purge.as_ref().map(DeletionJob::progress),
        badge: badge(&employee),
        created: context.times.date(employee.created_at),
        last_signed_in: last_signed_in(&employee, &context.times),
        is_locked: employee.locked_at.is_some(),
        is_archived: employee.archived_at.is_some(),
        erased: employee.erased_at.map(|at| context.times.ago(at)),
        is_erasing,
        second_factor,
        is_invited: employee.state() == EmployeeState::Invited,
        is_viewer: context.viewer.id == employee.id,
        may_manage: context.viewer.is_admin(),
        may_offboard: require_may_offboard((context.viewer.id, context.viewer.role), &employee).is_ok(),
        link_until: link_until.map(|until| context.times.until(until)),
        nonce: nonce::fresh(),
        locations: if names.is_empty() { "none".into() } else { names.join(", ") },
        businesses,
        access,
        api_tokens: api_tokens.iter().map(|token| ApiTokenRow::of(token, &employee, &context.times)).collect(),
        connections,
        name: employee.name,
        email: employee.email,
        role: employee.role,
    }
}
