//! The website of a client. Pages show it as a link, so only plain http and https addresses are accepted.

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use url::Url;

/// A website as stored. An older row may hold any text; [`Website::link`] returns only a safe address.
#[derive(Clone, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub struct Website(String);

impl Website {
    /// Parses a website that a person typed. Errors: a message for that person.
    pub fn parse(text: &str) -> Result<Website, String> {
        let site = Website(text.trim().to_string());
        match site.link() {
            Some(_) => Ok(site),
            None => {
                Err("Enter a website address like https://shop-app.example, without a user name or password.".into())
            }
        }
    }

    /// The address to link to; `None` unless it is http or https with a host name and nothing else suspicious.
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

    /// Its host name, if the address is safe to link to.
    pub fn host(&self) -> Option<String> {
        let url = Url::parse(self.link()?).ok()?;
        url.host_str().map(str::to_string)
    }

    /// The address without its scheme, for display.
    pub fn short(&self) -> &str {
        let text = self.0.trim_start_matches("https://").trim_start_matches("http://");
        text.trim_end_matches('/')
    }

    /// The stored text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

crate::id::sql_newtype!(Website, Text, str, String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c2_only_a_safe_http_or_https_address_becomes_a_link() {
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
