//! R-Series' Account.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::account::{ACCOUNT_ID, Account};
use crate::oauth::resources::serve;
use crate::web::state::State;

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
