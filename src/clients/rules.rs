//! What a client's registration may say, as forms and programs enter it.

use crate::clients::redirect_uri::{RedirectUri, is_lightspeed};
use crate::clients::website::Website;

/// The most redirect URIs of a client.
pub const MAX_REDIRECT_URIS: usize = 10;

/// A name, unless it claims to be Lightspeed's; otherwise what is wrong.
pub fn name(name: String) -> Result<String, String> {
    match name.to_lowercase().contains("lightspeed") {
        true => Err("The name cannot contain “Lightspeed”, which is reserved for Lightspeed's own clients.".into()),
        false => Ok(name),
    }
}

/// A website that is not Lightspeed's; otherwise what is wrong.
pub fn website(text: &str) -> Result<Website, String> {
    let website = Website::parse(text)?;
    match website.host().is_some_and(|host| is_lightspeed(&host)) {
        true => Err("The website is on a Lightspeed domain. Enter the client's own website.".into()),
        false => Ok(website),
    }
}

/// The redirect URIs; otherwise everything that is wrong with them.
pub fn redirect_uris(lines: &[&str], publicly_distributed: bool) -> Result<Vec<RedirectUri>, Vec<String>> {
    let mut errors = Vec::new();
    if lines.is_empty() {
        errors.push("Enter at least one redirect URI: where users return after signing in.".into());
    }
    if lines.len() > MAX_REDIRECT_URIS {
        errors.push(format!("Enter at most {MAX_REDIRECT_URIS} redirect URIs. You entered {}.", lines.len()));
    }
    let mut uris = Vec::new();
    for line in lines.iter().take(MAX_REDIRECT_URIS) {
        match RedirectUri::parse(line, publicly_distributed) {
            Ok(uri) => uris.push(uri),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(uris) } else { Err(errors) }
}
