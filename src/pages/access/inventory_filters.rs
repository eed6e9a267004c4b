//! The part of the URL that filters, sorts and pages the inventory, and the choices of its filters.

use crate::error::Result;
use crate::pages::access::HOME;
use crate::scopes::Scope;
use crate::tokens::listing::SortBy;
use crate::tokens::listing::inventory::{CreatedWithin, Expiry, InventoryFilter, Owner, Reach, TokenType, Usage};
use crate::web::list::{ListState, Sort};
use crate::web::query::Query;

static SORTS: [Sort; 3] = [
    Sort { word: "created", column: "created_at", largest_first: true },
    Sort { word: "used", column: "last_used_at", largest_first: true },
    Sort { word: "expires", column: "expires_at", largest_first: false },
];

// The filters that are shown only when somebody opens them, or uses one of them.
const MORE: [&str; 4] = ["scope", "owner", "expires", "created"];

/// The names of all filters in the query.
pub const FIELDS: [&str; 9] = ["client", "employee", "type", "usage", "access", "scope", "owner", "expires", "created"];

/// The filters, sort order and page of the inventory, as the URL has them.
#[derive(Clone)]
pub struct InventoryState {
    /// The sort order and the page.
    pub list: ListState,
    /// The filters.
    pub filter: InventoryFilter,
}

/// A filter with a fixed set of choices.
pub struct Choices {
    /// Its name in the query.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// The selected word, or empty.
    pub selected: String,
    /// Each word with its text; the first selects everything.
    pub options: Vec<(&'static str, &'static str)>,
}

impl InventoryState {
    /// Reads the query. Errors: an invalid cursor or sort order.
    pub fn read(query: &Query) -> Result<InventoryState> {
        let list = ListState::read(query, "", &SORTS)?;
        let filter = InventoryFilter {
            client: list.get("client").trim().to_string(),
            employee: list.get("employee").trim().to_string(),
            scope: list.get("scope").to_string(),
            token_type: TokenType::from_word(list.get("type")),
            usage: Usage::from_word(list.get("usage")),
            reach: Reach::from_word(list.get("access")),
            owner: Owner::from_word(list.get("owner")),
            expiry: Expiry::from_word(list.get("expires")),
            created: CreatedWithin::from_word(list.get("created")),
        };
        Ok(InventoryState { list, filter })
    }

    /// The address of the list with a filter.
    pub fn address_of(filter: &InventoryFilter) -> String {
        let pairs = [
            ("client", filter.client.as_str()),
            ("employee", &filter.employee),
            ("type", filter.token_type.map_or("", TokenType::word)),
            ("usage", filter.usage.map_or("", Usage::word)),
            ("access", filter.reach.map_or("", Reach::word)),
            ("scope", &filter.scope),
            ("owner", filter.owner.map_or("", Owner::word)),
            ("expires", filter.expiry.map_or("", Expiry::word)),
            ("created", filter.created.map_or("", CreatedWithin::word)),
        ];
        let set = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        match Query::of(set.map(|(name, value)| (name.into(), value.into())).collect()).with(&[]) {
            none if none == "?" => HOME.into(),
            some => format!("{HOME}{some}"),
        }
    }

    /// The sort order.
    pub fn sort(&self) -> SortBy {
        match self.list.sort().word {
            "used" => SortBy::LastUsed,
            "expires" => SortBy::Expires,
            _ => SortBy::Created,
        }
    }

    /// The link that removes all filters.
    pub fn clear(&self) -> String {
        self.list.link(&FIELDS.map(|name| (name, None)))
    }

    /// The filters beside the fields for names.
    pub fn choices(&self) -> Vec<Choices> {
        vec![
            self.of("type", "Type", &[("", "Any type"), ("refresh-token", "Refresh tokens"), ("api-key", "API keys")]),
            self.of(
                "usage",
                "Use",
                &[
                    ("", "Any use"),
                    ("unused-30", "Unused for 30 days"),
                    ("unused-90", "Unused for 90 days"),
                    ("unused-180", "Unused for 180 days"),
                    ("never-used", "Never used"),
                ],
            ),
            self.of(
                "access",
                "Access",
                &[
                    ("", "Any access"),
                    ("full", "Full access"),
                    ("write", "Can change data"),
                    ("read", "Can only read"),
                    ("beyond-role", "Beyond the employee’s role"),
                ],
            ),
        ]
    }

    /// The filters that are folded.
    pub fn more_choices(&self) -> Vec<Choices> {
        let mut scopes = vec![("", "Any scope")];
        scopes.extend(Scope::catalogue().map(|(name, description, _)| (name, description)));
        vec![
            self.of(
                "owner",
                "Employee is",
                &[
                    ("", "Anybody"),
                    ("inactive", "Locked or archived"),
                    ("active", "Active"),
                    ("staff", "Staff"),
                    ("manager", "Store manager"),
                    ("admin", "Admin"),
                ],
            ),
            self.of(
                "expires",
                "Expires",
                &[("", "At any time"), ("never", "Never"), ("soon", "Within 7 days"), ("expired", "Already expired")],
            ),
            self.of(
                "created",
                "Created",
                &[
                    ("", "At any time"),
                    ("7", "In the last 7 days"),
                    ("30", "In the last 30 days"),
                    ("90", "In the last 90 days"),
                ],
            ),
            self.of("scope", "Can use", &scopes),
        ]
    }

    /// Whether one of the folded filters is set.
    pub fn uses_more(&self) -> bool {
        MORE.iter().any(|name| !self.list.get(name).is_empty())
    }

    fn of(&self, name: &'static str, label: &'static str, options: &[(&'static str, &'static str)]) -> Choices {
        Choices { name, label, selected: self.list.get(name).into(), options: options.to_vec() }
    }
}
