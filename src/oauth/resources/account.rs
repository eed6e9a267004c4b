//! R-Series' Account: in the list of accounts, and by its id.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::account::{ACCOUNT_ID, Account, Business};
use crate::employees::{Employee, EmployeeFilter, EmployeeSort};
use crate::oauth::resources::serve;
use crate::web::state::State;

// Currencies whose symbol is not their code.
const SYMBOLS: [(&str, &str); 14] = [
    ("AUD", "$"),
    ("CAD", "$"),
    ("CHF", "Fr."),
    ("CNY", "¥"),
    ("CZK", "Kč"),
    ("DKK", "kr"),
    ("EUR", "€"),
    ("GBP", "£"),
    ("JPY", "¥"),
    ("NOK", "kr"),
    ("NZD", "$"),
    ("PLN", "zł"),
    ("SEK", "kr"),
    ("USD", "$"),
];

/// `GET /API/V3/Account.json`
pub async fn account(request: HttpRequest, app: web::Data<State>) -> HttpResponse {
    serve(&app, &request, None, |conn, _| {
        let account = Account::get(conn)?;
        Ok(json!({ "Account": { "accountID": ACCOUNT_ID, "name": account.name, "link": link() } }))
    })
    .await
}

/// `GET /API/V3/Account/1` and `/API/V3/Account/1.json`: the account without an envelope, as R-Series has it. What this
/// server does not know is empty.
pub async fn account_by_id(request: HttpRequest, app: web::Data<State>) -> HttpResponse {
    serve(&app, &request, None, |conn, _| {
        let account = Account::get(conn)?;
        // Without a filter: everybody who is not archived.
        let (_, employees) =
            Employee::list(conn, &EmployeeFilter::default(), (EmployeeSort::Name, false), None, false)?;
        let oldest = Business::all(conn)?.into_iter().map(|(business, _)| business).min_by_key(|own| own.id.0);
        Ok(json!({
            "@attributes": { "systemCustomerID": ACCOUNT_ID },
            "accountID": ACCOUNT_ID,
            "name": account.name,
            "link": link(),
            "status": "customer",
            "employeeCount": employees.to_string(),
            "employeeLimit": "",
            "uniqueSubscriptionIdentifier": "",
            "defaultCurrency": currency(&oldest.map(|business| business.currency).unwrap_or_default()),
            "purchasingCurrencies": { "purchasingCurrency": [] },
        }))
    })
    .await
}

fn link() -> Value {
    json!({ "@attributes": { "href": format!("/API/V3/Account/{ACCOUNT_ID}") } })
}

fn currency(code: &str) -> Value {
    let symbol = SYMBOLS.iter().find(|(own, _)| *own == code).map_or(code, |(_, symbol)| symbol);
    json!({ "code": code, "symbol": symbol })
}
