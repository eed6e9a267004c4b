//! The page around every content: who looks at it, where they are, and what they are told.

use actix_session::Session;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::activity::Actor;
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, SessionKey};
use crate::scopes::Role;
use crate::time::{TimeFormat, Timestamp};
use crate::web::session_store::{FLASH, SignedIn};
use crate::web::state::State;
use crate::web::{assets, client_ip};

/// The one who looks at a page.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// Their id.
    pub id: EmployeeKey,
    /// Their name.
    pub name: String,
    /// Their role, as of this request.
    pub role: Role,
}

impl Viewer {
    /// Whether they may see what the employee `id` granted, and revoke it: their own, or as a manager anybody's.
    pub fn may_act_for(&self, id: EmployeeKey) -> bool {
        self.id == id || self.role != Role::Staff
    }

    /// Where they may read about an employee; nothing where they may not.
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

    /// How they appear in the activity log.
    pub fn actor(&self) -> Actor {
        Actor::person(self.id, &self.name)
    }
}

/// One request of somebody who is signed in.
#[derive(Clone)]
pub struct RequestContext {
    /// Who it is.
    pub viewer: Viewer,
    /// The browser they are signed in with.
    pub session_key: SessionKey,
    /// The account they look at.
    pub account: Account,
    /// The moment of the request, and how it reads.
    pub words: TimeFormat,
    /// The address they call from.
    pub client_ip: String,
    /// How many connections wait for a person.
    pub needing_attention: i64,
    email: String,
    csrf: String,
    session: Session,
}

/// The section of the settings a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The index, or none.
    Settings,
    /// Clients and their tokens.
    Clients,
    /// The shop's own links to other servers.
    Connections,
    /// People.
    Employees,
    /// The APIs that may ask about tokens.
    ResourceServers,
    /// The log.
    Activity,
    /// The account.
    Account,
    /// One's own profile.
    Profile,
}

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// It is done.
    Good,
    /// Something to know.
    Info,
    /// Something to heed.
    Warn,
    /// It went wrong.
    Bad,
}

impl Tone {
    /// Its name in the stylesheet.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Info => "info",
            Tone::Warn => "warn",
            Tone::Bad => "bad",
        }
    }

    /// How urgently it is read out.
    pub fn role(self) -> &'static str {
        match self {
            Tone::Bad => "alert",
            _ => "status",
        }
    }

    /// Its icon.
    pub fn icon(self) -> &'static str {
        match self {
            Tone::Good => "check-circle",
            Tone::Info => "info",
            Tone::Warn => "alert-triangle",
            Tone::Bad => "x-circle",
        }
    }
}

/// A message for the next page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flash {
    /// How it is meant.
    pub tone: Tone,
    /// What it says.
    pub text: String,
}

/// A step on the way to a page.
#[derive(Clone, Debug)]
pub struct Crumb {
    /// Where it leads.
    pub href: String,
    /// What it is called.
    pub name: String,
}

/// What the layout needs, whatever the page.
#[derive(Clone, Debug)]
pub struct Page {
    /// The title; the last breadcrumb and the browser's tab.
    pub title: String,
    /// The section it belongs to.
    pub section: Section,
    /// The shop's name.
    pub shop: String,
    /// Who looks at it; nobody on the pages before sign-in.
    pub viewer: Option<Viewer>,
    /// The token for its forms.
    pub csrf: String,
    /// What happened just now.
    pub flash: Option<Flash>,
    /// The way to it.
    pub crumbs: Vec<Crumb>,
    /// How many connections wait for a person.
    pub needing_attention: i64,
    /// Seconds after which it should be looked at again, for pages that show progress.
    pub refresh: Option<u32>,
}

impl Page {
    /// A page for somebody who is not signed in.
    pub fn outside(title: &str, shop: &str, csrf: String) -> Page {
        Page {
            title: title.into(),
            section: Section::Settings,
            shop: shop.into(),
            viewer: None,
            csrf,
            flash: None,
            crumbs: Vec::new(),
            needing_attention: 0,
            refresh: None,
        }
    }

    /// The same page with one more step before it.
    #[must_use]
    pub fn breadcrumb(mut self, href: impl Into<String>, name: impl Into<String>) -> Page {
        self.crumbs.push(Crumb { href: href.into(), name: name.into() });
        self
    }

    /// The same page with a message on it.
    #[must_use]
    pub fn with_flash(mut self, tone: Tone, text: impl Into<String>) -> Page {
        self.flash = Some(Flash { tone, text: text.into() });
        self
    }

    /// The stylesheet's address.
    pub fn stylesheet(&self) -> &'static str {
        &assets::STYLESHEET.url
    }

    /// The script's address.
    pub fn script(&self) -> &'static str {
        &assets::SCRIPT.url
    }

    /// The tab icon's address.
    pub fn favicon(&self) -> &'static str {
        &assets::FAVICON.url
    }

    /// Whether it belongs to the section named.
    pub fn is_in(&self, section: &str) -> bool {
        let name = match self.section {
            Section::Settings => "settings",
            Section::Clients => "clients",
            Section::Connections => "connections",
            Section::Employees => "employees",
            Section::ResourceServers => "resource-servers",
            Section::Activity => "activity",
            Section::Account => "account",
            Section::Profile => "profile",
        };
        name == section
    }
}

/// The icons' address, for templates.
pub fn icons() -> &'static str {
    &assets::ICONS.url
}

impl RequestContext {
    /// The visit of somebody whose session was found.
    pub fn new(app: &web::Data<State>, request: &HttpRequest, session: Session, who: SignedIn) -> RequestContext {
        RequestContext {
            viewer: Viewer { id: who.employee, name: who.name, role: who.role },
            session_key: who.session,
            needing_attention: who.needing_attention,
            email: who.email,
            words: TimeFormat::new(app.clock.now(), &who.account.time_zone),
            account: who.account,
            client_ip: client_ip::address(request, &app.config.trusted_proxies),
            csrf: app.keys.csrf.sign(&format!("session {}", who.session)),
            session,
        }
    }

    /// The moment of the request.
    pub fn now(&self) -> Timestamp {
        self.words.now()
    }

    /// What they signed in with.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The token that a form on this person's pages must carry.
    pub fn csrf(&self) -> &str {
        &self.csrf
    }

    /// A page for this visit; takes the waiting message along.
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

    /// Sends the browser on after a change (303), with a message for the page it lands on.
    pub fn redirect(&self, tone: Tone, text: impl Into<String>, to: &str) -> Result<HttpResponse> {
        self.session.insert(FLASH, Flash { tone, text: text.into() }).map_err(Error::internal)?;
        Ok(see_other(to))
    }

    /// Ends this sign-in in the browser.
    pub fn forget(&self) {
        self.session.purge();
    }
}

/// A redirect after a change: 303.
pub fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, to)).finish()
}

/// Renders a form again with what is wrong with it: 422.
pub fn unprocessable(template: impl Template) -> Result<HttpResponse> {
    let mut response = html(template)?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

/// Renders a page.
pub fn html(template: impl Template) -> Result<HttpResponse> {
    let body = template.render().map_err(Error::internal)?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(body))
}
