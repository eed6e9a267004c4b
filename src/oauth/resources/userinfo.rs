//! K-Series' userinfo: the employee and their roles, with the `sub` that OpenID Connect requires (Core section 5.3.2).

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::oauth::resources::{names, serve};
use crate::scopes::rights;
use crate::web::state::State;

/// `GET /oauth/userinfo`
pub async fn userinfo(request: HttpRequest, app: web::Data<State>) -> HttpResponse {
    serve(&app, &request, None, |_, access| {
        let employee = &access.employee;
        let (first, last) = names(&employee.name);
        let roles = rights::authorities(access.role());
        Ok(json!({
            "sub": employee.id.to_string(),
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
