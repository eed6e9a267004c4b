//! What an API token may be used for: areas of the admin API, each to read or also to write.

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;

use crate::db::text_enum::text_enum;

text_enum! {
    /// An area of the admin API.
    Area {
        /// Clients, their secrets and redirect URIs.
        Clients = "clients",
        /// Refresh tokens, access tokens, API keys, the access inventory, and finding a token by its value.
        Tokens = "tokens",
        /// People: their roles, locks, invitations and offboarding.
        Employees = "employees",
        /// The shop's connections to other servers.
        Connections = "connections",
        /// APIs that may validate tokens.
        ResourceServers = "resource_servers",
        /// The activity log.
        Activity = "activity",
        /// What needs attention, and acknowledgements.
        Attention = "attention",
    }
}

text_enum! {
    /// What may be done in an area.
    AreaAccess {
        /// Nothing is changed.
        Read = "read",
        /// Also reads.
        Write = "write",
    }
}

impl Area {
    /// What pages call it.
    pub fn label(self) -> &'static str {
        match self {
            Area::Clients => "Clients",
            Area::Tokens => "Tokens and API keys",
            Area::Employees => "Employees",
            Area::Connections => "Connections",
            Area::ResourceServers => "Resource servers",
            Area::Activity => "Activity",
            Area::Attention => "Needs attention",
        }
    }

    /// Whether anything in it can be changed.
    pub fn is_writable(self) -> bool {
        self != Area::Activity
    }
}

/// The areas of an API token, as words such as `clients:read tokens:write` in the order of [`Area::ALL`]; one for each area,
/// because write includes read.
#[derive(Clone, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub struct Areas(String);

crate::id::sql_newtype!(Areas, Text, str, String);

impl Areas {
    /// Areas from words such as `clients:read`; `None` when there are none, or one is unknown.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Areas> {
        let mut chosen: Vec<(Area, AreaAccess)> = Vec::new();
        for word in words {
            let (area, access) = word.split_once(':')?;
            chosen.push((Area::from_word(area)?, AreaAccess::from_word(access)?));
        }
        let word = |area: &Area| {
            let of = |access| chosen.contains(&(*area, access));
            let access = match (of(AreaAccess::Write), of(AreaAccess::Read)) {
                (true, _) => AreaAccess::Write,
                (_, true) => AreaAccess::Read,
                _ => return None,
            };
            Some(format!("{}:{}", area.word(), access.word()))
        };
        let words: Vec<String> = Area::ALL.iter().filter_map(word).collect();
        (!words.is_empty()).then(|| Areas(words.join(" ")))
    }

    /// Whether this may be done in this area.
    pub fn allows(&self, area: Area, access: AreaAccess) -> bool {
        self.access(area).is_some_and(|held| held == access || held == AreaAccess::Write)
    }

    /// What may be done in an area; `None` for nothing.
    pub fn access(&self, area: Area) -> Option<AreaAccess> {
        let of = |(word, access)| (word == area.word()).then(|| AreaAccess::from_word(access)).flatten();
        self.0.split(' ').filter_map(|word| word.split_once(':')).find_map(of)
    }

    /// The areas as words, separated by spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Each area in words: `Clients: read`, `Activity: read and write`.
    pub fn in_words(&self) -> Vec<String> {
        let words = |area: &Area| {
            let access = match self.access(*area)? {
                AreaAccess::Read => "read",
                AreaAccess::Write => "read and write",
            };
            Some(format!("{}: {access}", area.label()))
        };
        Area::ALL.iter().filter_map(words).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_includes_read_and_an_area_allows_no_other() {
        let areas = Areas::parse(["tokens:write", "clients:read", "tokens:read"]).expect("known areas");

        assert_eq!(areas.as_str(), "clients:read tokens:write");
        assert!(areas.allows(Area::Tokens, AreaAccess::Read) && areas.allows(Area::Tokens, AreaAccess::Write));
        assert!(areas.allows(Area::Clients, AreaAccess::Read) && !areas.allows(Area::Clients, AreaAccess::Write));
        assert!(!areas.allows(Area::Activity, AreaAccess::Read));
        assert_eq!(areas.in_words(), ["Clients: read", "Tokens and API keys: read and write"]);
        for unknown in [&[][..], &["clients"], &["clients:delete"], &["everything:read"], &["clients:read", ""]] {
            assert_eq!(Areas::parse(unknown.iter().copied()), None, "{unknown:?}");
        }
    }
}
