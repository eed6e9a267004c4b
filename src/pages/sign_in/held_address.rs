//! The address at which a form that was kept continues: the one it was sent to, and the form's ID in the query.

use url::form_urlencoded;

use crate::employees::HeldForm;
use crate::id::HeldFormKey;

// The parameter that names the form to continue with.
const HELD: &str = "confirm";

/// The form that a query names; none if it names none.
pub(super) fn held_in(query: &str) -> Option<HeldFormKey> {
    let id = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == HELD);
    id.map(|(_, id)| HeldFormKey(id.parse().unwrap_or_default()))
}

/// Where a form that was sent to `address` continues.
pub(super) fn continue_at(address: &str, id: HeldFormKey) -> String {
    let mark = if address.contains('?') { '&' } else { '?' };
    format!("{address}{mark}{HELD}={id}")
}

/// Whether a query is that of the address to which a form was sent, apart from the form's ID.
pub(super) fn is_query_of(form: &HeldForm, query: &str) -> bool {
    let sent = form.address.split_once('?').map_or("", |(_, query)| query);
    let is_other = |(name, _): &(std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| name != HELD;
    form_urlencoded::parse(query.as_bytes()).filter(is_other).eq(form_urlencoded::parse(sent.as_bytes()))
}
