//! The website of a client: shown to people as a link, so only what is safe to follow may be one.

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use url::Url;

/// A website, as it is stored. A row may hold anything; only a safe one becomes a link.
#[derive(Clone, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub struct Website(String);

impl Website {
    /// A website somebody typed. Errors: the sentence says why it cannot be one.
    pub fn parse(text: &str) -> Result<Website, String> {
        let site = Website(text.trim().to_string());
        match site.link() {
            Some(_) => Ok(site),
            None => {
                Err("The website must be an address like https://shop-app.example, without user or password.".into())
            }
        }
    }

    /// The address to link to; nothing when it is not plainly http or https on a named host.
    pub fn link(&self) -> Option<&str> {
        let text = self.0.as_str();
        let plain =
            text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'`'));
        let schemed = text.starts_with("https://") || text.starts_with("http://");
        let url = Url::parse(text).ok()?;
        let harmless = url.username().is_empty() && url.password().is_none();
        let named = url.host_str().is_some_and(|host| host.contains('.') || host == "localhost");
        (plain && schemed && harmless && named && text.len() <= 300).then_some(text)
    }

    /// The host it is on, when it is a safe one.
    pub fn host(&self) -> Option<String> {
        let url = Url::parse(self.link()?).ok()?;
        url.host_str().map(str::to_string)
    }

    /// What is shown: the address without its scheme.
    pub fn short(&self) -> &str {
        let text = self.0.trim_start_matches("https://").trim_start_matches("http://");
        text.trim_end_matches('/')
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

crate::id::sql_newtype!(Website, Text, str, String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c2_only_a_plain_web_address_becomes_a_link() {
        for bad in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "\tjavascript:alert(1)",
            "data:text/html,hi",
            "//evil.example",
            "https://a\"onmouseover=x.example",
            "https://user:pass@app.example",
            "https://nohost",
            "ftp://app.example",
            "",
        ] {
            assert!(Website::parse(bad).is_err(), "{bad}");
            assert_eq!(Website(bad.into()).link(), None, "{bad}");
        }
        let good = Website::parse(" https://ledgerly.example/ ").expect("good");
        assert_eq!((good.link(), good.short()), (Some("https://ledgerly.example/"), "ledgerly.example"));
    }
}
