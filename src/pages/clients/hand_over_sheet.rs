//! The page after a client was registered: all that its developer needs, with the secret shown once.

use actix_web::HttpResponse;
use askama::Template;

use crate::clients::Client;
use crate::error::Result;
use crate::scopes::Scope;
use crate::secrets::PlainToken;
use crate::web::page::{Page, html};

/// The path of the integration guide.
pub const GUIDE: &str = "/oauth/integration-guide";

const ENDPOINTS: [(&str, &str); 5] = [
    ("Authorization endpoint", "/auth/oauth/authorize"),
    ("Token endpoint", "/auth/oauth/token"),
    ("Revocation endpoint", "/auth/oauth/revoke"),
    ("Metadata", "/.well-known/oauth-authorization-server"),
    ("Integration guide", GUIDE),
];

type ScopeWords = (&'static str, &'static str);

/// The page that hands a new client over to its developer.
#[derive(Template)]
#[template(path = "clients/hand_over_sheet.html")]
pub struct HandOverSheet {
    page: Page,
    name: String,
    client_id: String,
    secret: String,
    notes: Vec<String>,
    redirect_uris: Vec<String>,
    pkce: &'static str,
    // The server's own addresses, each with its name.
    endpoints: Vec<(&'static str, String)>,
    // Names and descriptions of the scopes, by group.
    scopes: Vec<(&'static str, Vec<ScopeWords>)>,
    back: Option<String>,
}

impl HandOverSheet {
    /// The page of a client whose users return to `redirect_uris`; `origin` is that of this server.
    pub fn new(
        page: Page,
        origin: &str,
        (client, secret): (&Client, &PlainToken),
        redirect_uris: Vec<String>,
    ) -> HandOverSheet {
        let mut scopes: Vec<(&'static str, Vec<ScopeWords>)> = Vec::new();
        for (name, description, group) in Scope::catalogue() {
            match scopes.iter_mut().find(|(own, _)| *own == group) {
                Some((_, entries)) => entries.push((name, description)),
                None => scopes.push((group, vec![(name, description)])),
            }
        }
        HandOverSheet {
            page,
            name: client.name.clone(),
            client_id: client.client_id.clone(),
            secret: secret.expose().to_string(),
            notes: Vec::new(),
            redirect_uris,
            pkce: if client.requires_pkce() { "Required, with S256" } else { "Not required" },
            endpoints: ENDPOINTS.map(|(name, path)| (name, format!("{origin}{path}"))).to_vec(),
            scopes,
            back: None,
        }
    }

    /// Adds a sentence for whoever registered the client.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> HandOverSheet {
        self.notes.push(note.into());
        self
    }

    /// Adds a link to the next page.
    #[must_use]
    pub fn back_to(mut self, path: impl Into<String>) -> HandOverSheet {
        self.back = Some(path.into());
        self
    }

    /// Renders the page.
    pub fn answer(self) -> Result<HttpResponse> {
        html(self)
    }

    // All of it as plain text, to send to the developer.
    fn as_text(&self) -> String {
        let mut lines = vec![
            format!("{}: access to the API of {}", self.name, self.page.shop),
            String::new(),
            format!("Client ID: {}", self.client_id),
            format!("Client secret: {}", self.secret),
            format!("Redirect URIs: {}", self.redirect_uris.join(" ")),
            format!("PKCE: {}", self.pkce),
            String::new(),
        ];
        lines.extend(self.endpoints.iter().map(|(name, address)| format!("{name}: {address}")));
        lines.extend([String::new(), "Scopes (request only what your app needs):".into()]);
        let scopes = self.scopes.iter().flat_map(|(_, entries)| entries);
        lines.extend(scopes.map(|(name, description)| format!("{name}: {description}")));
        lines.join("\n")
    }
}
