//! The integrations the shop is said to use: forty-eight that a visitor meets, and as many more as are asked for.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::time::{DAY, HOUR};

/// The integration that was revoked before anybody looks.
pub const REVOKED_CLIENT: (&str, &str) = ("Old Till Export", "tillexport.example");

/// What an integration is for; decides what it may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trade {
    /// Bookkeeping and taxes.
    Books,
    /// Stock, labels, counts.
    Stock,
    /// Buying from vendors.
    Buying,
    /// Selling online.
    Webshop,
    /// Sending parcels.
    Parcels,
    /// Loyalty, mailings, reviews.
    Customers,
    /// Gift cards and payments.
    Payments,
    /// Tables, appointments, kitchens.
    Bookings,
    /// Repairs.
    Repairs,
    /// Pay and rotas.
    Staff,
    /// Figures on a screen.
    Reports,
    /// The shop's own scripts.
    House,
}

impl Trade {
    /// What such an integration asks for; the first is the usual one.
    pub fn scopes(self) -> &'static [&'static str] {
        match self {
            Trade::Books => &[
                "employee:register_read employee:reports",
                "employee:register_read employee:admin_purchases employee:product_cost",
                "employee:register_read",
            ],
            Trade::Stock => &[
                "employee:inventory employee:register_read",
                "employee:inventory_read",
                "employee:inventory employee:inventory_counts employee:product_cost",
                "employee:inventory_counts employee:inventory_counts_reconcile",
            ],
            Trade::Buying => &[
                "employee:purchase_orders employee:vendors employee:inventory_read",
                "employee:purchase_orders employee:vendors employee:vendor_returns employee:manufacturers",
            ],
            Trade::Webshop => &[
                "employee:inventory employee:product_edit employee:categories employee:register",
                "employee:inventory_read employee:register employee:customers",
                "employee:inventory_read employee:special_orders",
            ],
            Trade::Parcels => &["employee:register_read employee:customers_read", "employee:transfers"],
            Trade::Customers => &[
                "employee:customers employee:register_read",
                "employee:customers_read",
                "employee:customers employee:tags",
            ],
            Trade::Payments => &[
                "employee:customers_view_gift_card_numbers employee:register",
                "employee:register employee:register_refund",
                "financial-api offline_access",
            ],
            Trade::Bookings => &[
                "reservations-api employee:customers offline_access",
                "orders-api items offline_access",
                "employee:customers_read employee:workbench",
            ],
            Trade::Repairs => &["employee:workbench employee:customers", "employee:workbench employee:inventory_read"],
            Trade::Staff => &["employee:admin_employees employee:reports", "staff-api offline_access"],
            Trade::Reports => &["employee:reports employee:register_read", "employee:reports"],
            Trade::House => &["employee:all", "employee:inventory_read employee:register_read", "employee:admin_shops"],
        }
    }

    /// What admins call the keys they make for it.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Trade::Books => &["Monthly bookkeeping", "Auditors, read only", "VAT return", "Year end 2025"],
            Trade::Stock => {
                &["Nightly stock export", "Warehouse scanner 2", "Shelf labels, Södermalm", "Stocktake, Uppsala"]
            }
            Trade::Buying => &["Supplier catalogue", "Returns to vendors", "Reorder suggestions"],
            Trade::Webshop => &["Price list for the website", "Old webshop feed", "Stock on the product page"],
            Trade::Parcels => &["Parcel labels, Haga", "Parcel labels, warehouse", "Delivery notices"],
            Trade::Customers => &["Spring campaign mailing", "Loyalty import 2024", "Customer merge script"],
            Trade::Payments => &["Gift card balance check", "Card terminal 3", "Refund desk"],
            Trade::Bookings => &["Kitchen display", "Opening hours screen", "Table plan, Malmö"],
            Trade::Repairs => &["Workshop tablet", "Ready-for-pickup messages"],
            Trade::Staff => &["Staff rota sync", "Payroll run"],
            Trade::Reports => &["Sales wallboard", "Weekly margin report", "Trial, ask Marta"],
            Trade::House => &["Backup to the archive", "Spare handheld", "Till 3 receipt printer"],
        }
    }

    const ALL: [(Trade, &str); 11] = [
        (Trade::Books, "Accounting"),
        (Trade::Stock, "Inventory"),
        (Trade::Buying, "Purchasing"),
        (Trade::Webshop, "Webshop"),
        (Trade::Parcels, "Shipping"),
        (Trade::Customers, "Loyalty"),
        (Trade::Payments, "Gift Cards"),
        (Trade::Bookings, "Bookings"),
        (Trade::Repairs, "Workshop"),
        (Trade::Staff, "Payroll"),
        (Trade::Reports, "Insights"),
    ];
}

/// What an integration may do, since how many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadedClient {
    /// It waits to be admitted.
    Pending,
    /// It may ask for tokens.
    Active,
    /// It was suspended so long ago.
    Suspended(i64),
}

/// An integration.
#[derive(Clone, Debug, PartialEq)]
pub struct Integration {
    /// What people call it.
    pub name: String,
    /// Its website.
    pub website: String,
    /// What it is for.
    pub trade: Trade,
    /// Whether it bears the Lightspeed Approved mark.
    pub lightspeed_approved: bool,
    /// What it may do.
    pub find_unrevoked: LoadedClient,
    /// Seconds since it was registered.
    pub age: i64,
    /// How much it is used, compared with the others.
    pub weight: f64,
}

/// Where the accountants stand in the list: few grants, all of them worth a look.
pub const LEDGERLY: usize = 0;
/// Where the busiest one stands.
pub const SHELFWISE: usize = 1;
/// Where the second busiest one stands.
pub const PARCELS: usize = 2;

// Name, host, what for, `A`pproved, `P`ending or `S`uspended, and the days since its registration.
const KNOWN: [(&str, &str, Trade, &str, i64); 48] = [
    ("Ledgerly Accounting", "ledgerly", Trade::Books, "A", 412),
    ("Shelfwise Inventory", "shelfwise", Trade::Stock, "A", 803),
    ("Parcel & Post", "parcelandpost", Trade::Parcels, "A", 655),
    ("Loyalty Loop", "loyaltyloop", Trade::Customers, "", 371),
    ("Brightside Bookings", "brightside", Trade::Bookings, "A", 540),
    ("Northlight Reports", "northlight-reports", Trade::Reports, "", 298),
    ("Kassabok", "kassabok", Trade::Books, "A", 1_011),
    ("Tidewater Webshop", "tidewater", Trade::Webshop, "A", 722),
    ("Gifted Cards", "giftedcards", Trade::Payments, "", 233),
    ("Stampcard", "stampcard", Trade::Customers, "S", 864),
    ("Rotaflow", "rotaflow", Trade::Staff, "A", 480),
    ("Refill Purchasing", "refill", Trade::Buying, "", 127),
    ("Fraktbud", "fraktbud", Trade::Parcels, "A", 590),
    ("Reviewbird", "reviewbird", Trade::Customers, "", 190),
    ("Table Nine Reservations", "tablenine", Trade::Bookings, "", 344),
    ("Kitchen Rail", "kitchenrail", Trade::Bookings, "A", 611),
    ("Mailhaven Campaigns", "mailhaven", Trade::Customers, "", 266),
    ("Margin Notes", "marginnotes", Trade::Reports, "", 88),
    ("Countwell Stocktake", "countwell", Trade::Stock, "A", 935),
    ("Bike Bench Repairs", "bikebench", Trade::Repairs, "", 402),
    ("Copperline Payments", "copperline", Trade::Payments, "A", 760),
    ("Vendora Purchasing", "vendora", Trade::Buying, "A", 688),
    ("Etikett Labels", "etikett", Trade::Stock, "", 520),
    ("Nordstjärna ERP", "nordstjarna", Trade::Books, "A", 1_090),
    ("Rösterei Orders", "roesterei-orders", Trade::Bookings, "", 157),
    ("Pocket Till", "pockettill", Trade::Payments, "S", 446),
    ("Daybook VAT", "daybook", Trade::Books, "A", 318),
    ("Lighthouse Analytics", "lighthouse-analytics", Trade::Reports, "A", 571),
    ("Sorrel Subscriptions", "sorrel", Trade::Webshop, "", 14),
    ("Paperless Receipts", "paperlessreceipts", Trade::Customers, "A", 629),
    ("Kundklubben", "kundklubben", Trade::Customers, "", 905),
    ("Footfall Counter", "footfall", Trade::Reports, "", 216),
    ("Warehouse Hand Scanner", "handscanner", Trade::Stock, "", 497),
    ("Second Spin Trade-in", "secondspin", Trade::Stock, "", 101),
    ("Quickstaff Rota", "quickstaff", Trade::Staff, "", 63),
    ("Sea & Sail Marketplace", "seaandsail", Trade::Webshop, "A", 834),
    ("Tulip Click & Collect", "tulip-collect", Trade::Webshop, "A", 386),
    ("Harbour & Pine Website", "harbourandpine", Trade::House, "", 1_120),
    ("Harbour & Pine Wallboard", "wallboard.harbourandpine", Trade::House, "", 275),
    ("Ask Ada Support Desk", "askada", Trade::Customers, "", 178),
    ("Cashflow Compass", "cashflowcompass", Trade::Books, "P", 2),
    ("Returns Desk", "returnsdesk", Trade::Payments, "A", 549),
    ("Foxglove Gift Registry", "foxglove", Trade::Payments, "", 240),
    ("Tagline Price Tags", "tagline", Trade::Stock, "A", 703),
    ("Plainview Forecast", "plainview", Trade::Reports, "P", 5),
    ("Depot Transfers", "depot", Trade::Stock, "", 8),
    ("Smörgås Preorders", "smorgas", Trade::Bookings, "", 462),
    ("Guestbook Wi-Fi", "guestbook", Trade::Customers, "P", 9),
];

const STEMS: &str = "Aldergate Amberly Anchor Applecart Argyle Ashdown Bellwether Birchwood Blackbird Bluebell \
    Bramble Brightwater Brookside Calder Canterbury Cardinal Cedarline Clearwater Clover Cobalt Coppice Cornerstone \
    Crosswind Dovetail Driftwood Dunmore Eastgate Elmfield Emberly Fairwind Fernhill Fieldstone Flagship Fulmar \
    Gatehouse Glenmore Granite Greenlight Hartwell Hawthorn Hazelwood Highmark Hillcrest Ironbridge Juniper Keystone \
    Kingfisher Lakeside Lambent Larkspur Lodestar Longshore Maplewood Marigold Meadowlark Merchant Milestone \
    Moorland Nightingale Nutmeg Oakhaven Orchard Overton Paragon Pebblebrook Pinecrest Quayside Ravenswood Redwood \
    Riverbend Rosewood Saltmarsh Sandpiper Silverline Skylark Snowdrop Springfield Starboard Stonegate Summerfield \
    Tamarind Thistle Timberline Trident Umber Valley Verdant Wayfarer Westbrook Whitecap Willow Windmill Yarrow";
const REGIONS: [&str; 8] = ["", "Nordic", "Direct", "Studio", "Baltic", "Express", "One", "Cloud"];

/// The integrations of a shop that has `count` of them; the ones a visitor meets first are always the same.
pub fn integrations(count: usize, rng: &mut StdRng) -> Vec<Integration> {
    let mut all: Vec<Integration> = KNOWN.iter().take(count).map(|row| known(row, rng)).collect();
    let mut names: Vec<(usize, &str, &(Trade, &str))> = Vec::new();
    for (level, _) in REGIONS.iter().enumerate() {
        if all.len() + names.len() >= count {
            break;
        }
        let first = names.len();
        names
            .extend(STEMS.split_whitespace().flat_map(|stem| Trade::ALL.iter().map(move |trade| (level, stem, trade))));
        names[first..].shuffle(rng);
    }
    let missing = count - all.len();
    let made = (0..missing).map(|i| invented(names[i % names.len()], i / names.len(), rng));
    all.extend(made);
    all
}

fn known(&(name, host, trade, marks, days): &(&str, &str, Trade, &str, i64), rng: &mut StdRng) -> Integration {
    let age = days * DAY + rng.random_range(HOUR..20 * HOUR);
    Integration {
        name: name.into(),
        website: format!("https://{host}.example"),
        trade,
        lightspeed_approved: marks.contains('A'),
        find_unrevoked: match marks {
            "P" => LoadedClient::Pending,
            "S" => LoadedClient::Suspended(rng.random_range(3 * DAY..19 * DAY)),
            _ => LoadedClient::Active,
        },
        age,
        weight: rng.random_range(0.2..2.0),
    }
}

fn invented(
    (level, stem, (trade, what)): (usize, &str, &(Trade, &str)),
    round: usize,
    rng: &mut StdRng,
) -> Integration {
    let number = if round == 0 { String::new() } else { (round + 1).to_string() };
    let words = [stem, *what, REGIONS[level], &number];
    let name = words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(" ");
    let (fate, days) = (rng.random_range(0..100), rng.random_range(45..1_095));
    let (find_unrevoked, days) = match fate {
        0..2 => (LoadedClient::Pending, rng.random_range(1..12)),
        2..5 => (LoadedClient::Suspended(rng.random_range(3 * DAY..25 * DAY)), days),
        5..10 => (LoadedClient::Active, rng.random_range(3..40)),
        _ => (LoadedClient::Active, days),
    };
    Integration {
        website: format!("https://{}.example", name.to_lowercase().replace(' ', "-")),
        name,
        trade: *trade,
        lightspeed_approved: find_unrevoked != LoadedClient::Pending && rng.random_bool(0.35),
        find_unrevoked,
        age: days * DAY + rng.random_range(HOUR..20 * HOUR),
        weight: rng.random_range(0.2..2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Website;
    use crate::scopes::Scope;
    use rand::SeedableRng;
    use std::collections::HashSet;

    #[test]
    fn every_integration_has_a_name_and_a_website_of_its_own() {
        let all = integrations(10_000, &mut StdRng::seed_from_u64(1));

        assert_eq!(all.len(), 10_000);
        assert_eq!(all.iter().map(|one| &one.name).collect::<HashSet<_>>().len(), all.len());
        assert_eq!(all.iter().map(|one| &one.website).collect::<HashSet<_>>().len(), all.len());
        for one in &all {
            Website::parse(&one.website).expect("a website that can be linked to");
            assert!(one.trade.scopes().iter().all(|scope| Scope::parse(scope).is_some()), "{:?}", one.trade);
        }
    }
}
