//! Who calls the API, at what time, and from which client IP: the context of a request that [`guard`](crate::api::guard) let
//! through.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use crate::activity::Actor;
use crate::api::problem::Failure;
use crate::api_tokens::Caller;
use crate::connections::Requester;
use crate::error::Error;
use crate::id::{ApiTokenKey, EmployeeKey};
use crate::time::Timestamp;
use crate::web::request_context::Viewer;

/// A request with an API token.
#[derive(Clone)]
pub struct ApiContext {
    /// The API token.
    pub token: ApiTokenKey,
    /// Who acts, for the activity log.
    pub actor: Actor,
    token_name: String,
    /// The person it acts for, with the role that it has now.
    pub viewer: Viewer,
    /// The time of the request.
    pub now: Timestamp,
    /// The client IP.
    pub client_ip: String,
}

impl ApiContext {
    /// The context of an authenticated caller.
    pub fn new(caller: Caller, now: Timestamp, client_ip: String) -> ApiContext {
        let (actor, token_name) = (caller.actor(), caller.name);
        let viewer = Viewer { id: caller.employee, name: caller.employee_name, role: caller.role };
        ApiContext { token: caller.id, actor, token_name, viewer, now, client_ip }
    }

    /// Who acts and from where, as the services record it.
    pub fn by(&self) -> (Actor, String) {
        (self.actor.clone(), self.client_ip.clone())
    }

    /// The same for connections.
    pub fn requester(&self) -> Requester {
        Requester {
            id: self.viewer.id,
            name: self.viewer.name.clone(),
            through: self.token_name.clone(),
            client_ip: self.client_ip.clone(),
        }
    }

    /// Whose things are visible: of staff only their own.
    pub fn only(&self) -> Option<EmployeeKey> {
        (!self.viewer.is_manager()).then_some(self.viewer.id)
    }
}

impl FromRequest for ApiContext {
    type Error = Failure;
    type Future = Ready<Result<ApiContext, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let context = request.extensions().get::<ApiContext>().cloned();
        ready(context.ok_or_else(|| Error::internal("a route of the API without its guard").into()))
    }
}
