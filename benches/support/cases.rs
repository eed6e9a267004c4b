//! The pages to load, in one place.
//!
//! A page ignores parameters it does not know, so a case of a filter that is gone measures the page without it.

use super::facts::Facts;
use super::http::{Visitor, link};
use super::load::Case;

pub const CLIENTS: &str = "/settings/client-api-access";
const ACCESS: &str = "/settings/access";
const REFRESH_TOKENS: &str = "refresh-tokens";

/// Every page, by name.
pub fn all(visitor: &Visitor, facts: &Facts) -> Vec<Case> {
    let big = format!("{CLIENTS}/clients/{}", facts.big.id);
    let (rare, absent) = (encoded(&facts.rare_employee.1), encoded(&facts.absent_employee));
    let of_big = [
        ("big client, first page", String::new(), ""),
        ("big client, deepest page", String::new(), "last"),
        ("big client, employee holds “a”", "rt-employee=a".into(), ""),
        ("big client, employee holds “a”, deepest page", "rt-employee=a".into(), "last"),
        ("big client, rare employee", format!("rt-employee={rare}"), ""),
        ("big client, rare employee, continued", format!("rt-employee={rare}"), "continue"),
        ("big client, employee of other clients", format!("rt-employee={absent}"), ""),
        ("big client, employee of other clients, continued", format!("rt-employee={absent}"), "continue"),
        ("big client, no such employee", "rt-employee=zzzq".into(), ""),
        ("big client, token, 1 character", format!("rt-token={}", &facts.mask[..1]), ""),
        ("big client, token, 3 characters", format!("rt-token={}", &facts.mask[..3]), ""),
        ("big client, token, 7 characters", format!("rt-token={}", facts.mask), ""),
        ("big client, no such token", "rt-token=0000000".into(), ""),
        ("big client, employee active", "rt-status=employee-active".into(), ""),
        ("big client, employee locked or archived", "rt-status=employee-inactive".into(), ""),
        ("big client, never used", "rt-status=never-used".into(), ""),
        ("big client, unused for a month", "rt-status=unused".into(), ""),
        ("big client, about to expire", "rt-status=expiring-soon".into(), ""),
        ("big client, never used, rare employee", format!("rt-status=never-used&rt-employee={rare}"), ""),
        ("big client, by last used", "rt-sort=-used".into(), ""),
        ("big client, by last used, deepest page", "rt-sort=-used".into(), "last"),
        ("big client, by last used, rare employee", format!("rt-sort=-used&rt-employee={rare}"), ""),
        ("big client, by last used, 1 character", format!("rt-sort=-used&rt-token={}", &facts.mask[..1]), ""),
        ("big client, by expiry", "rt-sort=expires".into(), ""),
        ("big client, by expiry, deepest page", "rt-sort=expires".into(), "last"),
        ("big client, by expiry, rare employee", format!("rt-sort=expires&rt-employee={rare}"), ""),
        ("big client, expired", "rt-expired=1".into(), ""),
        ("big client, expired, deepest page", "rt-expired=1".into(), "last"),
        ("big client, expired, rare employee", format!("rt-expired=1&rt-employee={rare}"), ""),
        ("big client, API keys of a rare employee", format!("ak-employee={rare}"), ""),
        ("big client, API keys, no such employee", "ak-employee=zzzq".into(), ""),
        ("big client, API keys, never used", "ak-status=never-used".into(), ""),
        ("big client, API keys by expiry", "ak-sort=expires".into(), ""),
        ("big client, API keys, expired", "ak-expired=1".into(), ""),
        ("big client, access tokens unfolded", "at-show=all".into(), ""),
    ];
    let of_big = of_big.into_iter().filter_map(|(name, query, page)| {
        let path = if query.is_empty() { big.clone() } else { format!("{big}?{query}") };
        let path = if page.is_empty() { Some(path) } else { turn(visitor, &path, page) };
        path.map(|path| Case::get(name, visitor, &path))
    });
    let employee = format!("/settings/employees/{}", facts.rare_employee.0);
    let plain = [
        ("client list", CLIENTS.to_string()),
        ("client list, by last used", format!("{CLIENTS}?sort=-used")),
        ("client list, name holds “s”", format!("{CLIENTS}?name=s")),
        ("client list, employee holds “a”", format!("{CLIENTS}?employee=a")),
        ("client list, rare employee", format!("{CLIENTS}?employee={rare}")),
        ("client list, no such employee", format!("{CLIENTS}?employee=zzzq")),
        ("small client", format!("{CLIENTS}/clients/{}", facts.small.id)),
        ("one refresh token", format!("{big}/refresh-tokens/{}", facts.refresh_token)),
        ("confirmation, big client", format!("{big}/revoke")),
        ("one employee, rare", employee),
        ("one employee, common", "/settings/employees/20".into()),
        ("employees", "/settings/employees".into()),
        ("employees, name holds “a”", "/settings/employees?name=a".into()),
        ("settings", "/settings".into()),
        ("activity", "/settings/activity".into()),
        ("access inventory", ACCESS.into()),
        ("access inventory, deepest page", format!("{ACCESS}?last=1")),
        ("access inventory, by last used", format!("{ACCESS}?sort=-used")),
        ("access inventory, unused for 90 days", format!("{ACCESS}?usage=unused-90")),
        ("access inventory, never used", format!("{ACCESS}?usage=never-used")),
        ("access inventory, API keys that never expire", format!("{ACCESS}?type=api-key&expires=never")),
        ("access inventory, beyond the role", format!("{ACCESS}?access=beyond-role")),
        ("access inventory, rare employee", format!("{ACCESS}?employee={rare}")),
        ("access inventory, client holds “s”", format!("{ACCESS}?client=s")),
        ("access inventory, locked or archived", format!("{ACCESS}?owner=inactive")),
    ];
    let plain = plain.into_iter().map(|(name, path)| Case::get(name, visitor, &path));
    let find = Case::post("find a token", visitor, &format!("{CLIENTS}/find-token"), &[("token", &facts.hash)]);
    plain.chain(of_big).chain([find]).collect()
}

/// Of these, the ones that make a big list search.
pub fn is_filter(name: &str) -> bool {
    name.starts_with("big client, ")
}

// The page behind a link of the refresh tokens; nothing when there is no such link.
fn turn(visitor: &Visitor, path: &str, to: &str) -> Option<String> {
    let page = match visitor.page(path) {
        Ok(page) => page,
        Err(error) => {
            println!("Left out, {to} page: {error}\n");
            return None;
        }
    };
    let target = link(&page, REFRESH_TOKENS, &format!("data-swap=\"{to}\""))?;
    Some(format!("{}{target}", path.split('?').next().unwrap_or_default()))
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
