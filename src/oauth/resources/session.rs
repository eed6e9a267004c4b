//! R-Series' Session: the employee, their rights, and the client.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::account::{ACCOUNT_ID, Location};
use crate::oauth::resources::{names, serve};
use crate::scopes::rights;
use crate::web::state::State;

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

// R-Series writes numbers and booleans as texts.
fn text(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
