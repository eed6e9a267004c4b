//! What a token can read here: R-Series' Account and Session, K-Series' userinfo and businesses. Each shows only what the
//! employee behind the token may see now.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::access::token_access::Access;
use crate::account::{Account, Business, Location};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::scopes::rights;
use crate::web::bearer;
use crate::web::bearer::Refusal;
use crate::web::oauth_error::no_store;
use crate::web::query::Query;
use crate::web::state::State;

/// One deployment serves one account.
pub const ACCOUNT_ID: &str = "1";

// Everything behind a token passes here: who it is, how much they ask, what they are answered.
async fn serve<F>(app: &State, request: &HttpRequest, scope: Option<&str>, answer: F) -> HttpResponse
where
    F: Fn(&mut DbConnection, &Access) -> Result<Value> + Send + 'static,
{
    let access = match bearer::access(app, request).await {
        Ok(access) => access,
        Err(refusal) => return refusal.response(),
    };
    let level = app.buckets.take(access.client.id, app.clock.now());
    let client = access.client.id;
    let mut response = match (level.refusal(), scope.filter(|scope| !access.allows(scope))) {
        (Some(too_much), _) => too_much,
        (None, Some(missing)) => Refusal::InsufficientScope(missing.into()).response(),
        (None, None) => match app.db.lookup(move |conn| answer(conn, &access)).await {
            Ok(body) => no_store(&mut HttpResponse::Ok()).json(body),
            Err(error) => Refusal::Failed(error.into()).response(),
        },
    };
    level.describe(client, &mut response);
    response
}

/// `GET /API/V3/Account.json`
pub async fn account(request: HttpRequest, app: web::Data<State>) -> HttpResponse {
    serve(&app, &request, None, |conn, _| {
        let account = Account::get(conn)?;
        Ok(json!({ "Account": {
            "accountID": ACCOUNT_ID,
            "name": account.name,
            "link": { "@attributes": { "href": format!("/API/V3/Account/{ACCOUNT_ID}") } },
        }}))
    })
    .await
}

/// `GET /API/Session.json`
pub async fn session(request: HttpRequest, app: web::Data<State>) -> HttpResponse {
    serve(&app, &request, None, |conn, access| {
        let employee = &access.employee;
        let shops = Location::of_employee(conn, employee.id)?.len();
        let (first, last) = names(&employee.name);
        let scope = &access.token.scope;
        let right = |(name, has): (&'static str, bool)| (name.to_string(), json!(text(has && scope.uses_right(name))));
        let rights: serde_json::Map<String, Value> = rights::all(access.role()).map(right).collect();
        Ok(json!({
            "sessionID": "",
            "sessionCookie": "",
            "employeeID": employee.id.to_string(),
            "systemCustomerID": ACCOUNT_ID,
            "systemUserID": employee.id.to_string(),
            "systemAPIClientID": access.client.id.to_string(),
            "systemAPIKeyID": access.token.id.to_string(),
            "ecomUrl": "",
            "shopCount": shops.to_string(),
            "Employee": {
                "employeeID": employee.id.to_string(),
                "firstName": first,
                "lastName": last,
                "singleShop": text(shops == 1),
                "hasPin": "false",
                "isCheckedIn": "false",
                "checkedInAt": "",
            },
            "Rights": rights,
        }))
    })
    .await
}

/// `GET /oauth/userinfo`
pub async fn userinfo(request: HttpRequest, app: web::Data<State>) -> HttpResponse {
    serve(&app, &request, None, |_, access| {
        let employee = &access.employee;
        let (first, last) = names(&employee.name);
        let roles = rights::authorities(access.role());
        Ok(json!({
            "name": employee.email,
            "attributes": {
                "staff": {
                    "roles": roles,
                    "emailAddress": employee.email,
                    "firstName": first,
                    "lastName": last,
                    "userId": employee.id.0,
                },
                "passwordToken": null,
                "accountNonLocked": true,
                "accountNonExpired": true,
                "credentialsNonExpired": true,
                "enabled": true,
                "password": null,
                "username": employee.email,
            },
            "authorities": roles,
            "scopes": access.scope().words(),
        }))
    })
    .await
}

/// `GET /f/data/businesses?page=&size=`: needs `financial-api`.
pub async fn businesses(request: HttpRequest, app: web::Data<State>) -> HttpResponse {
    let wanted = paging(request.query_string());
    serve(&app, &request, Some("financial-api"), move |conn, access| {
        let Some((page, size)) = wanted else {
            return Err(Error::Invalid("Give `page` from 0 on and `size` from 1 to 100".into()));
        };
        let reached = Location::of_employee(conn, access.employee.id)?;
        let mut all = Vec::new();
        for (business, mut locations) in Business::all(conn)? {
            locations.retain(|location| reached.contains(&location.id));
            if !locations.is_empty() {
                all.push((business, locations));
            }
        }
        let total = all.len();
        let list: Vec<Value> = all.iter().skip(page.saturating_mul(size)).take(size).map(business).collect();
        Ok(json!({
            "_embedded": { "businessList": list },
            "page": {
                "size": size,
                "totalElements": total,
                "totalPages": total.div_ceil(size),
                "number": page,
            },
        }))
    })
    .await
}

// The page wanted and its size.
fn paging(query: &str) -> Option<(usize, usize)> {
    let query = Query::parse(query).ok()?;
    let number = |name: &str, usual: usize| query.get(name).map_or(Some(usual), |text| text.parse().ok());
    Some((number("page", 0)?, number("size", 20).filter(|size| (1..=100).contains(size))?))
}

fn business((business, locations): &(Business, Vec<Location>)) -> Value {
    let location = |location: &Location| {
        json!({
            "blID": location.id.0,
            "blName": location.name,
            "country": location.country,
            "timezone": location.time_zone,
        })
    };
    json!({
        "businessId": business.id.0,
        "businessName": business.name,
        "currencyCode": business.currency,
        "businessLocations": locations.iter().map(location).collect::<Vec<Value>>(),
    })
}

// R-Series writes numbers and booleans as texts.
fn text(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn names(name: &str) -> (&str, &str) {
    name.split_once(' ').unwrap_or((name, ""))
}
