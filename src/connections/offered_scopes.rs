//! The scopes that Lightspeed documents for each API type, with what each allows, in groups.

use crate::connections::api_type::ApiType;
use crate::scopes::Scope;

/// A scope that an API type offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferedScope {
    /// Its name in requests.
    pub name: &'static str,
    /// What it allows, for people.
    pub meaning: &'static str,
    /// The name of its group.
    pub group: &'static str,
}

impl OfferedScope {
    /// Scopes by group, in the order that pages list the groups.
    pub fn by_group(scopes: &[OfferedScope]) -> Vec<(&'static str, Vec<OfferedScope>)> {
        let of = |group| scopes.iter().copied().filter(|scope| scope.group == group).collect::<Vec<_>>();
        GROUPS.into_iter().map(|group| (group, of(group))).filter(|(_, scopes)| !scopes.is_empty()).collect()
    }
}

impl ApiType {
    /// The scopes it documents; empty for other servers.
    pub fn offered_scopes(self) -> Vec<OfferedScope> {
        match self {
            ApiType::RSeries => {
                let all = Scope::catalogue().map(|(name, meaning, group)| scope(name, meaning, group));
                all.filter(|scope| scope.name.starts_with("employee:")).collect()
            }
            ApiType::XSeries => X_SERIES.to_vec(),
            ApiType::KSeriesV1 | ApiType::KSeriesV1Trial => K_SERIES.to_vec(),
            ApiType::KSeriesV2 | ApiType::KSeriesV2Trial => [K_SERIES, &[OFFLINE_ACCESS]].concat(),
            ApiType::Other => Vec::new(),
        }
    }
}

const fn scope(name: &'static str, meaning: &'static str, group: &'static str) -> OfferedScope {
    OfferedScope { name, meaning, group }
}

// The groups of R-Series scopes have the same names.
const EVERYTHING: &str = "Everything";
const SALES: &str = "Sales";
const CUSTOMERS: &str = "Customers";
const STOCK: &str = "Stock";
const BUYING: &str = "Buying";
const SETTINGS: &str = "Settings and people";
const ACCESS: &str = "Access";

const GROUPS: [&str; 7] = [EVERYTHING, SALES, CUSTOMERS, STOCK, BUYING, SETTINGS, ACCESS];

// Without this scope, a V2 refresh token expires after 30 minutes without use.
const OFFLINE_ACCESS: OfferedScope =
    scope("offline_access", "Keep access for 40 days without use instead of 30 minutes", ACCESS);

const K_SERIES: &[OfferedScope] = &[
    scope("financial-api", "Sales, payments and businesses", SALES),
    scope("id-cards", "Identification cards", CUSTOMERS),
    scope("items", "Items and menus", STOCK),
    scope("orders-api", "Orders", SALES),
    scope("propertymanagement", "Hotel rooms and charges", CUSTOMERS),
    scope("reservations-api", "Reservations", CUSTOMERS),
    scope("staff-api", "Staff and shifts", SETTINGS),
];

const X_SERIES: &[OfferedScope] = &[
    scope("audit:read", "View the audit log", SETTINGS),
    scope("billing:partner_subscription:read", "View partner subscriptions", SETTINGS),
    scope("billing:partner_subscription:write", "Change partner subscriptions", SETTINGS),
    scope("business_rules:read", "View business rules", SETTINGS),
    scope("business_rules:write", "Change business rules", SETTINGS),
    scope("channels:read", "View sales channels", SETTINGS),
    scope("consignments:read", "View stock movements", STOCK),
    scope("consignments:write:inventory_count", "Create and change inventory counts", STOCK),
    scope("consignments:write:stock_order", "Create and change stock orders", BUYING),
    scope("consignments:write:stock_transfer", "Create and change stock transfers", STOCK),
    scope("custom_fields:read", "View custom fields", SETTINGS),
    scope("custom_fields:write", "Change custom fields", SETTINGS),
    scope("customers:read", "View customers", CUSTOMERS),
    scope("customers:write", "Create and change customers", CUSTOMERS),
    scope("fulfillments:read", "View fulfillments", SALES),
    scope("fulfillments:write", "Create and change fulfillments", SALES),
    scope("gift_cards:read", "View gift cards", CUSTOMERS),
    scope("gift_cards:write:issue", "Issue gift cards", CUSTOMERS),
    scope("gift_cards:write:redeem", "Redeem gift cards", CUSTOMERS),
    scope("inventory:read", "View inventory", STOCK),
    scope("inventory:write", "Change inventory", STOCK),
    scope("outlets:read", "View outlets", SETTINGS),
    scope("payment_types:read", "View payment types", SETTINGS),
    scope("payments:read", "View payments", SALES),
    scope("products:read", "View products", STOCK),
    scope("products:read:price_books", "View price books", STOCK),
    scope("products:write", "Create and change products", STOCK),
    scope("products:write:price_books", "Create and change price books", STOCK),
    scope("promotions:read", "View promotions", SALES),
    scope("promotions:write", "Create and change promotions", SALES),
    scope("register:close", "Close registers", SALES),
    scope("register:open", "Open registers", SALES),
    scope("registers:read", "View registers", SALES),
    scope("remote_rules:read", "View remote rules", SETTINGS),
    scope("remote_rules:write", "Change remote rules", SETTINGS),
    scope("retailer:read", "View the retailer", SETTINGS),
    scope("sales:read", "View sales", SALES),
    scope("sales:write", "Create and change sales", SALES),
    scope("serial_numbers:read", "View serial numbers", STOCK),
    scope("serial_numbers:write", "Change serial numbers", STOCK),
    scope("services:read", "View services", SALES),
    scope("services:write", "Create and change services", SALES),
    scope("store_credits:read", "View store credits", CUSTOMERS),
    scope("store_credits:write:issue", "Issue store credits", CUSTOMERS),
    scope("suppliers:read", "View suppliers", BUYING),
    scope("suppliers:write", "Create and change suppliers", BUYING),
    scope("taxes:read", "View taxes", SETTINGS),
    scope("taxes:write", "Create and change taxes", SETTINGS),
    scope("users:read", "View users", SETTINGS),
    scope("users:write", "Create and change users", SETTINGS),
    scope("webhooks", "Manage webhooks", SETTINGS),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_in_one_group_that_is_listed() {
        for api_type in ApiType::ALL {
            let offered = api_type.offered_scopes();
            let mut grouped: Vec<&str> = Vec::new();
            for (_, scopes) in OfferedScope::by_group(&offered) {
                grouped.extend(scopes.iter().map(|scope| scope.name));
            }
            let mut names: Vec<&str> = offered.iter().map(|scope| scope.name).collect();
            grouped.sort_unstable();
            names.sort_unstable();
            assert_eq!(grouped, names, "{api_type:?}");
        }
    }
}
