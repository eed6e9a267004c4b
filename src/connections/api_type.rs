//! The API types a connection can use, with the hosts, lifetimes and scopes that Lightspeed documents for each.

pub use crate::config::Hosts;
use crate::db::text_enum::text_enum;
use crate::scopes::Scope;
use crate::time::DAY;

text_enum! {
    /// The API type; for Lightspeed it includes the environment.
    ApiType {
        /// Lightspeed Retail (R-Series).
        RSeries = "r-series",
        /// Lightspeed Retail (X-Series), formerly Vend.
        XSeries = "x-series",
        /// Lightspeed Restaurant (K-Series), V1 clients, production.
        KSeriesV1 = "k-series-v1",
        /// Lightspeed Restaurant (K-Series), V1 clients, trial.
        KSeriesV1Trial = "k-series-v1-trial",
        /// Lightspeed Restaurant (K-Series), V2 clients, production.
        KSeriesV2 = "k-series-v2",
        /// Lightspeed Restaurant (K-Series), V2 clients, trial.
        KSeriesV2Trial = "k-series-v2-trial",
        /// Any other OAuth 2.0 server; its URLs are stored with the app credentials.
        Other = "other",
    }
}

/// A scope value and what it allows.
pub type OfferedScope = (&'static str, &'static str);

impl ApiType {
    /// Its product name.
    pub fn name(self) -> &'static str {
        match self {
            ApiType::RSeries => "Retail R-Series",
            ApiType::XSeries => "Retail X-Series",
            ApiType::KSeriesV1 | ApiType::KSeriesV1Trial => "Restaurant K-Series V1",
            ApiType::KSeriesV2 | ApiType::KSeriesV2Trial => "Restaurant K-Series V2",
            ApiType::Other => "Other server",
        }
    }

    /// The environment, where there is more than one.
    pub fn environment(self) -> Option<&'static str> {
        match self {
            ApiType::KSeriesV1 | ApiType::KSeriesV2 => Some("Production"),
            ApiType::KSeriesV1Trial | ApiType::KSeriesV2Trial => Some("Trial"),
            ApiType::RSeries | ApiType::XSeries | ApiType::Other => None,
        }
    }

    /// Its name with the environment.
    pub fn full_name(self) -> String {
        match self.environment() {
            None => self.name().into(),
            Some(environment) => format!("{} · {environment}", self.name()),
        }
    }

    /// The published lifetime of an unused refresh token, in seconds.
    pub fn refresh_token_life(self) -> Option<i64> {
        match self {
            ApiType::RSeries => Some(30 * DAY),
            ApiType::KSeriesV1 | ApiType::KSeriesV1Trial => Some(14 * DAY),
            // V2 answers carry `refresh_expires_in`; the others publish nothing.
            ApiType::KSeriesV2 | ApiType::KSeriesV2Trial | ApiType::XSeries | ApiType::Other => None,
        }
    }

    /// The scopes it documents; empty for other servers.
    pub fn offered_scopes(self) -> Vec<OfferedScope> {
        match self {
            ApiType::RSeries => {
                let all = Scope::catalogue().map(|(name, meaning, _)| (name, meaning));
                all.filter(|(name, _)| name.starts_with("employee:")).collect()
            }
            ApiType::XSeries => X_SERIES.to_vec(),
            ApiType::KSeriesV1 | ApiType::KSeriesV1Trial => K_SERIES.to_vec(),
            ApiType::KSeriesV2 | ApiType::KSeriesV2Trial => [K_SERIES, &[OFFLINE_ACCESS]].concat(),
            ApiType::Other => Vec::new(),
        }
    }
}

// Without this scope, a V2 refresh token expires after 30 minutes without use.
const OFFLINE_ACCESS: OfferedScope = ("offline_access", "keep access for 40 days without use instead of 30 minutes");

const K_SERIES: &[OfferedScope] = &[
    ("financial-api", "sales, payments and businesses"),
    ("id-cards", "identification cards"),
    ("items", "items and menus"),
    ("orders-api", "orders"),
    ("propertymanagement", "hotel rooms and charges"),
    ("reservations-api", "reservations"),
    ("staff-api", "staff and shifts"),
];

const X_SERIES: &[OfferedScope] = &[
    ("audit:read", "view the audit log"),
    ("billing:partner_subscription:read", "view partner subscriptions"),
    ("billing:partner_subscription:write", "change partner subscriptions"),
    ("business_rules:read", "view business rules"),
    ("business_rules:write", "change business rules"),
    ("channels:read", "view sales channels"),
    ("consignments:read", "view stock movements"),
    ("consignments:write:inventory_count", "create and change inventory counts"),
    ("consignments:write:stock_order", "create and change stock orders"),
    ("consignments:write:stock_transfer", "create and change stock transfers"),
    ("custom_fields:read", "view custom fields"),
    ("custom_fields:write", "change custom fields"),
    ("customers:read", "view customers"),
    ("customers:write", "create and change customers"),
    ("fulfillments:read", "view fulfillments"),
    ("fulfillments:write", "create and change fulfillments"),
    ("gift_cards:read", "view gift cards"),
    ("gift_cards:write:issue", "issue gift cards"),
    ("gift_cards:write:redeem", "redeem gift cards"),
    ("inventory:read", "view inventory"),
    ("inventory:write", "change inventory"),
    ("outlets:read", "view outlets"),
    ("payment_types:read", "view payment types"),
    ("payments:read", "view payments"),
    ("products:read", "view products"),
    ("products:read:price_books", "view price books"),
    ("products:write", "create and change products"),
    ("products:write:price_books", "create and change price books"),
    ("promotions:read", "view promotions"),
    ("promotions:write", "create and change promotions"),
    ("register:close", "close registers"),
    ("register:open", "open registers"),
    ("registers:read", "view registers"),
    ("remote_rules:read", "view remote rules"),
    ("remote_rules:write", "change remote rules"),
    ("retailer:read", "view the retailer"),
    ("sales:read", "view sales"),
    ("sales:write", "create and change sales"),
    ("serial_numbers:read", "view serial numbers"),
    ("serial_numbers:write", "change serial numbers"),
    ("services:read", "view services"),
    ("services:write", "create and change services"),
    ("store_credits:read", "view store credits"),
    ("store_credits:write:issue", "issue store credits"),
    ("suppliers:read", "view suppliers"),
    ("suppliers:write", "create and change suppliers"),
    ("taxes:read", "view taxes"),
    ("taxes:write", "create and change taxes"),
    ("users:read", "view users"),
    ("users:write", "create and change users"),
    ("webhooks", "manage webhooks"),
];
