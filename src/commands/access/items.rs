//! What lists and `show` print: the JSON of the admin API, so that scripts find the same names on the database and on a server.

use serde::Serialize;
use serde_json::Value;

use crate::access::find_token::FoundToken;
use crate::access::named_token::TokenName;

/// What the admin API answers, as a value.
pub(super) fn json(shown: &impl Serialize) -> Value {
    // Null if it cannot be written, which happens only to maps whose keys are no texts.
    serde_json::to_value(shown).unwrap_or_default()
}

/// One of several tokens that begin alike, in a line.
pub(super) fn alike(name: TokenName, found: &FoundToken) -> String {
    let of = found.token.as_ref().map_or(String::new(), |(_, employee, _)| format!(" ({})", employee.name));
    let owner = found.client.as_ref().map_or(found.name.as_str(), |client| &client.name);
    format!("{name}, of {owner}{of}")
}
