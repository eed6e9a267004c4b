//! The request context: who is signed in, in which session, at what time, and from which client IP.

use std::future::{Ready, ready};

use actix_session::Session;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};

use crate::account::Account;
use crate::activity::Actor;
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, SessionKey};
use crate::scopes::Role;
use crate::time::{TimeFormat, Timestamp};
use crate::web::client_ip;
use crate::web::flash::{Flash, Tone};
use crate::web::page::{Page, Section, see_other};
use crate::web::session_store::{FLASH, SignedIn};
use crate::web::state::State;

/// The employee who is looking at a page.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// Their id.
    pub id: EmployeeKey,
    /// Their name.
    pub name: String,
    /// Their role, read anew for this request.
    pub role: Role,
}

impl Viewer {
    /// Whether they may see and revoke what an employee authorized: their own, and as a manager or admin anyone's.
    pub fn may_act_for(&self, id: EmployeeKey) -> bool {
        self.id == id || self.role != Role::Staff
    }

    /// The page of an employee, if they may see it.
    pub fn employee_page(&self, id: EmployeeKey) -> Option<String> {
        self.may_act_for(id).then(|| format!("/settings/employees/{id}"))
    }

    /// Whether they are an admin.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether they are a store manager or an admin.
    pub fn is_manager(&self) -> bool {
        self.role != Role::Staff
    }

    /// The actor of their acts in the activity log.
    pub fn actor(&self) -> Actor {
        Actor::person(self.id, &self.name)
    }
}

/// A request of an employee who is signed in.
#[derive(Clone)]
pub struct RequestContext {
    /// Who is signed in.
    pub viewer: Viewer,
    /// Their session.
    pub session_key: SessionKey,
    /// The shop's account.
    pub account: Account,
    /// The time of the request, and how times are shown.
    pub times: TimeFormat,
    /// The client IP.
    pub client_ip: String,
    /// How many connections need attention.
    pub needing_attention: i64,
    email: String,
    csrf: String,
    session: Session,
}

impl RequestContext {
    /// The context of a request whose session was found.
    pub fn new(app: &web::Data<State>, request: &HttpRequest, session: Session, who: SignedIn) -> RequestContext {
        RequestContext {
            viewer: Viewer { id: who.employee, name: who.name, role: who.role },
            session_key: who.session,
            needing_attention: who.needing_attention,
            email: who.email,
            times: TimeFormat::new(app.clock.now(), &who.account.time_zone),
            account: who.account,
            client_ip: client_ip::address(request, &app.config.trusted_proxies),
            csrf: app.keys.csrf.sign(&format!("session {}", who.session)),
            session,
        }
    }

    /// The time of the request.
    pub fn now(&self) -> Timestamp {
        self.times.now()
    }

    /// The e-mail address of the viewer.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The CSRF token for the viewer's forms.
    pub fn csrf(&self) -> &str {
        &self.csrf
    }

    /// A page for the viewer, with the flash message if one is waiting.
    pub fn page(&self, title: impl Into<String>, section: Section) -> Page {
        let flash = self.session.get::<Flash>(FLASH).ok().flatten();
        if flash.is_some() {
            self.session.remove(FLASH);
        }
        let page = Page {
            title: title.into(),
            section,
            shop: self.account.name.clone(),
            viewer: Some(self.viewer.clone()),
            csrf: self.csrf.clone(),
            flash,
            crumbs: Vec::new(),
            needing_attention: self.needing_attention,
            refresh: None,
        };
        page.breadcrumb("/settings", "Settings")
    }

    /// Redirects after a change (303), with a flash message for the next page.
    pub fn redirect(&self, tone: Tone, text: impl Into<String>, to: &str) -> Result<HttpResponse> {
        self.session.insert(FLASH, Flash { tone, text: text.into() }).map_err(Error::internal)?;
        Ok(see_other(to))
    }

    /// Deletes the session cookie.
    pub fn forget(&self) {
        self.session.purge();
    }
}

impl FromRequest for RequestContext {
    type Error = Error;
    type Future = Ready<Result<RequestContext>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<RequestContext>().cloned().ok_or(Error::SignInRequired))
    }
}
