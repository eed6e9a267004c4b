//! The query string of a page: the state of its lists, kept by every link on the page.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use url::form_urlencoded;

use crate::error::Error;

const LONGEST_VALUE: usize = 200;
const MOST_PAIRS: usize = 40;

/// The parameters of a query string, without empty ones.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string. Errors: a value is too long or has a control character; too many parameters.
    pub fn parse(text: &str) -> Result<Query, Error> {
        let mut pairs = Vec::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            if pairs.len() == MOST_PAIRS {
                return Err(Error::Invalid("The address has too many parameters. Open the page from the menu.".into()));
            }
            if value.chars().count() > LONGEST_VALUE {
                let sentence =
                    format!("A filter can have at most {LONGEST_VALUE} characters. Shorten it and try again.");
                return Err(Error::Invalid(sentence));
            }
            if name.chars().chain(value.chars()).any(char::is_control) {
                return Err(Error::Invalid("A filter cannot contain control characters. Type it again.".into()));
            }
            if !value.is_empty() && !name.is_empty() {
                pairs.push((name.into_owned(), value.into_owned()));
            }
        }
        Ok(Query(pairs))
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A query with these parameters.
    pub fn of(pairs: Vec<(String, String)>) -> Query {
        Query(pairs)
    }

    /// The names of all parameters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// A relative link with some parameters changed, or removed (`None`).
    pub fn with(&self, changes: &[(&str, Option<&str>)]) -> String {
        let pairs = self.changed(changes).0;
        format!("?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
    }

    /// The query with some parameters changed, or removed (`None`).
    #[must_use]
    pub fn changed(&self, changes: &[(&str, Option<&str>)]) -> Query {
        let is_changed = |name: &str| changes.iter().any(|(key, _)| *key == name);
        let kept = self.0.iter().filter(|(name, _)| !is_changed(name)).cloned();
        let new = changes.iter().filter_map(|(name, value)| Some((name.to_string(), (*value)?.to_string())));
        Query(kept.chain(new).collect())
    }

    /// The parameters that `keep` accepts, for the hidden fields of a filter form.
    pub fn hidden(&self, keep: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| keep(name)).cloned().collect()
    }
}

impl FromRequest for Query {
    type Error = Error;
    type Future = Ready<Result<Query, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Query::parse(request.query_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_the_other_parameters() {
        let query = Query::parse("name=Caf%C3%A9&sort=-created&empty=").expect("fine");

        assert_eq!(query.get("name"), Some("Café"));
        assert_eq!(query.get("empty"), None);
        assert_eq!(query.with(&[("sort", Some("name"))]), "?name=Caf%C3%A9&sort=name");
        assert_eq!(query.with(&[("sort", None), ("name", None)]), "?");
    }

    #[test]
    fn invalid_filters_are_refused() {
        assert!(Query::parse(&format!("name={}", "x".repeat(50_001))).is_err());
        assert!(Query::parse("name=a%00b").is_err());
        assert!(Query::parse(&"a=b&".repeat(10_000)).is_err());
        assert!(Query::parse("name=%FF%FE").is_ok(), "broken UTF-8 reads as replacement characters");
    }
}
