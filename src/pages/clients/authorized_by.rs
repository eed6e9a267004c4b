//! The panel of a client's page that lists who authorized it, with the number of tokens of each.

use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::Result;
use crate::pages::access::inventory_filters::InventoryState;
use crate::time::{DisplayTime, TimeFormat, thousands};
use crate::tokens::listing::inventory::{Holder, InventoryFilter, RecentTokens, TokenType};
use crate::web::badge::Badge;
use crate::web::page::Viewer;

// How many people are shown; the others are in the access inventory.
const SHOWN: usize = 10;

/// Who authorized a client.
#[derive(Debug)]
pub struct HolderPanel {
    /// The people with the most tokens.
    pub rows: Vec<HolderRow>,
    /// How many people there are, as text.
    pub total: String,
    /// Said when not all tokens were read; otherwise empty.
    pub note: String,
    /// The link to the tokens of everybody in the access inventory, with its text, when not all people are shown.
    pub more: Option<(String, String)>,
}

/// A person who authorized the client, or for whom an API key was created.
#[derive(Debug)]
pub struct HolderRow {
    /// Their name, role, and page if the viewer may see it.
    pub employee: (String, &'static str, Option<String>),
    /// Why their tokens do not work, if they do not.
    pub inactive: Option<Badge>,
    /// How many refresh tokens they have, with the link to them.
    pub refresh_tokens: Option<(String, String)>,
    /// How many API keys they have, with the link to them.
    pub api_keys: Option<(String, String)>,
    /// When one of the tokens was last used.
    pub last_used: DisplayTime,
}

impl HolderPanel {
    /// Loads the people of a client.
    pub fn load(
        conn: &mut DbConnection,
        client: &Client,
        recent: &RecentTokens,
        (viewer, times): (&Viewer, &TimeFormat),
    ) -> Result<HolderPanel> {
        let holders = recent.holders();
        let named = Employee::by_id(conn, holders.iter().take(SHOWN).map(|holder| holder.employee))?;
        let link = |employee: &str, kind: Option<TokenType>| {
            InventoryState::address_of(&InventoryFilter {
                client: client.name.clone(),
                employee: employee.into(),
                token_type: kind,
                ..InventoryFilter::default()
            })
        };
        let row = |holder: &Holder| {
            let employee = named.get(&holder.employee)?;
            let numbered = |n: i64, kind| (n > 0).then(|| (thousands(n), link(&employee.name, Some(kind))));
            Some(HolderRow {
                employee: (employee.name.clone(), employee.role.name(), viewer.employee_page(employee.id)),
                inactive: match (employee.archived_at, employee.locked_at) {
                    (Some(_), _) => Some(Badge::new("bad", "archive", "Employee archived")),
                    (_, Some(_)) => Some(Badge::new("bad", "lock", "Employee locked")),
                    _ => None,
                },
                refresh_tokens: numbered(holder.refresh_tokens, TokenType::RefreshToken),
                api_keys: numbered(holder.api_keys, TokenType::ApiKey),
                last_used: times.ago(holder.last_used_at),
            })
        };
        let people = holders.len();
        let plus = if recent.is_complete { "" } else { "+" };
        Ok(HolderPanel {
            rows: holders.iter().take(SHOWN).filter_map(row).collect(),
            total: format!("{}{plus}", thousands(people as i64)),
            note: match recent.is_complete {
                true => String::new(),
                false => {
                    format!("Counted among the {} tokens used most recently.", thousands(recent.tokens.len() as i64))
                }
            },
            more: (people > SHOWN || !recent.is_complete)
                .then(|| (link("", None), "All tokens and keys of this client".to_string())),
        })
    }
}
