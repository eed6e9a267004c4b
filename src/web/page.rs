//! The frame around every page: title, section, menu, breadcrumbs and flash message; and how a page is answered.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use askama::Template;

use crate::error::{Error, Result};
use crate::web::assets;
pub use crate::web::flash::{Flash, Tone};
pub use crate::web::request_context::{RequestContext, Viewer};

/// The section of Settings that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Settings itself, and pages outside any section.
    Settings,
    /// Client API Access: clients and their tokens.
    Clients,
    /// The access inventory: refresh tokens and API keys of all clients.
    Access,
    /// The shop's connections to other servers.
    Connections,
    /// Employees.
    Employees,
    /// APIs that may validate tokens.
    ResourceServers,
    /// API tokens.
    ApiTokens,
    /// The activity log.
    Activity,
    /// The shop's account.
    Account,
    /// The viewer's own profile.
    Profile,
}

impl Section {
    fn is_for_admins(self) -> bool {
        matches!(self, Section::ResourceServers | Section::ApiTokens | Section::Account)
    }
}

const MENU: [(Section, &str, &str, &str); 8] = [
    (Section::Clients, "/settings/client-api-access", "key", "Client API Access"),
    (Section::Access, "/settings/access", "list", "Access inventory"),
    (Section::Connections, "/settings/connections", "plug", "Connections"),
    (Section::Employees, "/settings/employees", "people", "Employees"),
    (Section::Activity, "/settings/activity", "history", "Activity"),
    (Section::ResourceServers, "/settings/resource-servers", "shield", "Resource servers"),
    (Section::ApiTokens, "/settings/api-tokens", "terminal", "API tokens"),
    (Section::Account, "/settings/account", "shop", "Account"),
];

/// A link in the menu.
#[derive(Clone, Copy, Debug)]
pub struct MenuItem {
    /// The link.
    pub href: &'static str,
    /// The icon's name.
    pub icon: &'static str,
    /// The link's text.
    pub label: &'static str,
    /// How many rows in the section need attention; shown if not 0.
    pub count: i64,
    /// Its `aria-current`, or empty.
    pub current: &'static str,
}

/// A breadcrumb.
#[derive(Clone, Debug)]
pub struct Crumb {
    /// The link.
    pub href: String,
    /// Its text.
    pub name: String,
}

/// What `base.html` needs, whatever the page.
#[derive(Clone, Debug)]
pub struct Page {
    /// The title: the last breadcrumb, and the browser's tab.
    pub title: String,
    /// The section it belongs to.
    pub section: Section,
    /// The shop's name.
    pub shop: String,
    /// Who is looking at it; `None` before sign-in.
    pub viewer: Option<Viewer>,
    /// The CSRF token for its forms.
    pub csrf: String,
    /// The flash message.
    pub flash: Option<Flash>,
    /// The breadcrumbs.
    pub crumbs: Vec<Crumb>,
    /// How many connections need attention.
    pub needing_attention: i64,
    /// Seconds until the page reloads, on pages that show progress.
    pub refresh: Option<u32>,
}

impl Page {
    /// A page without menu, for people who are not signed in.
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

    /// Adds a breadcrumb.
    #[must_use]
    pub fn breadcrumb(mut self, href: impl Into<String>, name: impl Into<String>) -> Page {
        self.crumbs.push(Crumb { href: href.into(), name: name.into() });
        self
    }

    /// Adds a flash message.
    #[must_use]
    pub fn with_flash(mut self, tone: Tone, text: impl Into<String>) -> Page {
        self.flash = Some(Flash { tone, text: text.into() });
        self
    }

    /// The URL of the stylesheet.
    pub fn stylesheet(&self) -> &'static str {
        &assets::STYLESHEET.url
    }

    /// The URL of the script.
    pub fn script(&self) -> &'static str {
        &assets::SCRIPT.url
    }

    /// The URL of the tab icon.
    pub fn favicon(&self) -> &'static str {
        &assets::FAVICON.url
    }

    /// The menu of the viewer; empty before sign-in.
    pub fn menu(&self) -> Vec<MenuItem> {
        let is_admin = self.viewer.as_ref().is_some_and(Viewer::is_admin);
        let items = MENU.iter().filter(|(section, ..)| is_admin || !section.is_for_admins());
        items.take(if self.viewer.is_some() { MENU.len() } else { 0 }).map(|item| self.menu_item(*item)).collect()
    }

    fn menu_item(&self, (section, href, icon, label): (Section, &'static str, &'static str, &'static str)) -> MenuItem {
        let count = if section == Section::Connections { self.needing_attention } else { 0 };
        MenuItem { href, icon, label, count, current: self.aria_current(section) }
    }

    /// `aria-current` of the link to the viewer's profile.
    pub fn profile_current(&self) -> &'static str {
        self.aria_current(Section::Profile)
    }

    // `page` on the section's own page, `true` on the pages below it, otherwise empty.
    fn aria_current(&self, section: Section) -> &'static str {
        match (self.section == section, self.crumbs.len()) {
            (false, _) => "",
            (true, ..=1) => "page",
            (true, _) => "true",
        }
    }
}

/// The URL of the icons, for templates.
pub fn icons() -> &'static str {
    &assets::ICONS.url
}

/// The URL of the script of passkeys, for templates.
pub fn passkey_script() -> &'static str {
    &assets::PASSKEYS.url
}

/// A redirect after a change: 303.
pub fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, to)).finish()
}

/// Renders a page.
pub fn html(template: impl Template) -> Result<HttpResponse> {
    let body = template.render().map_err(Error::internal)?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(body))
}

/// Renders a form again with its errors: 422.
pub fn unprocessable(template: impl Template) -> Result<HttpResponse> {
    let mut response = html(template)?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}
