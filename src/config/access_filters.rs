//! The filters of lists on the command line. Their names and values are those of the pages' addresses.

use clap::Args;

/// The filters and the order that are set: each name with its value, as in the address of the page.
pub type Pairs = Vec<(&'static str, String)>;

/// The filters of a list.
pub trait Filter {
    /// Those that are set.
    fn pairs(&self) -> Pairs;
}

macro_rules! filters {
    ($(
        $(#[$doc:meta])*
        $name:ident $(+ $fixed:literal = $value:literal)? {
            $($(#[$field_doc:meta])* $(($($arg:tt)+))? $field:ident = $word:literal,)*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Args, Clone)]
        pub struct $name {
            $($(#[$field_doc])* #[arg(long = $word, help_heading = "Filters and order", $($($arg)+)?)] pub $field: Option<String>,)*
        }

        impl Filter for $name {
            fn pairs(&self) -> Pairs {
                let set = [$(($word, self.$field.clone()),)* $(($fixed, Some($value.to_string())))?];
                set.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
            }
        }
    )*};
}

filters! {
    /// Of clients.
    Clients {
        /// A part of the name
        name = "name",
        /// A part of the name of an employee who authorized the client
        employee = "employee",
        /// Only this status; approved and not-approved are about the Lightspeed Approved badge
        (value_parser = ["active", "pending", "suspended", "approved", "not-approved"]) status = "status",
        /// The order; with - in front, descending
        (allow_hyphen_values = true, value_parser = [
            "name", "-name", "used", "-used", "created", "-created", "employees", "-employees", "refresh-tokens",
            "-refresh-tokens", "tokens", "-tokens", "access", "-access",
        ]) sort = "sort",
    }

    /// Of refresh tokens and API keys.
    Tokens {
        /// A part of the client's name
        client = "client",
        /// A part of the employee's name
        employee = "employee",
        /// Only refresh tokens, or only API keys
        (value_parser = ["refresh-token", "api-key"]) token_type = "type",
        /// Only what was not used for some time
        (value_parser = ["unused-30", "unused-90", "unused-180", "never-used"]) usage = "usage",
        /// Only what can do this
        (value_parser = ["full", "write", "read", "beyond-role"]) access = "access",
        /// Only what can use this scope, such as employee:reports
        scope = "scope",
        /// Only what employees with this role or state authorized
        (value_parser = ["inactive", "active", "staff", "manager", "admin"]) owner = "owner",
        /// When it expires
        (value_parser = ["never", "soon", "expired"]) expires = "expires",
        /// Created in the last so many days
        (value_parser = ["7", "30", "90"]) created = "created",
        /// The order; with - in front, descending
        (allow_hyphen_values = true, value_parser = ["created", "-created", "used", "-used", "expires", "-expires"])
        sort = "sort",
    }

    /// Of API keys.
    Keys + "type" = "api-key" {
        /// A part of the client's name
        client = "client",
        /// A part of the employee's name
        employee = "employee",
        /// Only what was not used for some time
        (value_parser = ["unused-30", "unused-90", "unused-180", "never-used"]) usage = "usage",
        /// Only what can do this
        (value_parser = ["full", "write", "read", "beyond-role"]) access = "access",
        /// Only what can use this scope, such as employee:reports
        scope = "scope",
        /// Only keys of employees with this role or state
        (value_parser = ["inactive", "active", "staff", "manager", "admin"]) owner = "owner",
        /// When it expires
        (value_parser = ["never", "soon", "expired"]) expires = "expires",
        /// Created in the last so many days
        (value_parser = ["7", "30", "90"]) created = "created",
        /// The order; with - in front, descending
        (allow_hyphen_values = true, value_parser = ["created", "-created", "used", "-used", "expires", "-expires"])
        sort = "sort",
    }

    /// Of employees.
    Employees {
        /// A part of the name or e-mail address
        name = "name",
        /// Only this role
        (value_parser = ["staff", "manager", "admin"]) role = "role",
        /// Only this state; by default everybody who is not archived
        (value_parser = ["active", "invited", "locked", "archived"]) state = "state",
        /// The order; with - in front, descending
        (allow_hyphen_values = true, value_parser = ["name", "-name", "tokens", "-tokens"]) sort = "sort",
    }

    /// Of connections.
    Connections {
        /// A part of the name
        name = "name",
        /// Only this API
        api_type = "type",
        /// Only this status; trouble is about those that retry
        (value_parser = ["online", "refreshing", "trouble", "needs-authorization", "paused"]) status = "status",
        /// Only this business, by its number
        business = "business",
        /// The order; with - in front, descending
        (allow_hyphen_values = true, value_parser = [
            "name", "-name", "expires", "-expires", "refreshed", "-refreshed", "used", "-used",
        ]) sort = "sort",
    }

    /// Of the activity log.
    Entries {
        /// A part of the name of a client that entries are about
        client = "client",
        /// A part of the name of somebody who acted, or whom entries concern
        person = "person",
        /// Only what happened, in the words of the page's address, such as "client revoked"
        kind = "kind",
        /// From this day on, such as 2026-11-20, in the shop's time zone
        from = "from",
        /// Up to this day, in the shop's time zone
        until = "until",
    }
}
