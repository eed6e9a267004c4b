//! The clients of the demo shop: 48 with fixed names, and any number of generated ones.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::demo::category::Category;
use crate::time::{DAY, HOUR};

/// A client that was revoked in the past; it appears in the activity log only.
pub const REVOKED_CLIENT: (&str, &str) = ("Old Till Export", "tillexport.example");

/// The state of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientState {
    /// Pending approval.
    Pending,
    /// Active.
    Active,
    /// Suspended this many seconds ago.
    Suspended(i64),
}

/// A client of the demo shop.
#[derive(Clone, Debug, PartialEq)]
pub struct Integration {
    /// Its name.
    pub name: String,
    /// Its website.
    pub website: String,
    /// What it is for.
    pub category: Category,
    /// Whether it has the Lightspeed Approved badge.
    pub lightspeed_approved: bool,
    /// Its state.
    pub state: ClientState,
    /// Seconds since it was registered.
    pub age: i64,
    /// How much it is used, relative to the others.
    pub weight: f64,
}

/// The index of the accounting client: few grants, each in another state.
pub const LEDGERLY: usize = 0;
/// The index of the busiest client.
pub const SHELFWISE: usize = 1;
/// The index of the second busiest client.
pub const PARCELS: usize = 2;

// Name, host, category, marks (`A`pproved, `P`ending, `S`uspended), and days since its registration.
const KNOWN: [(&str, &str, Category, &str, i64); 48] = [
    ("Ledgerly Accounting", "ledgerly", Category::Books, "A", 412),
    ("Shelfwise Inventory", "shelfwise", Category::Stock, "A", 803),
    ("Parcel & Post", "parcelandpost", Category::Parcels, "A", 655),
    ("Loyalty Loop", "loyaltyloop", Category::Customers, "", 371),
    ("Brightside Bookings", "brightside", Category::Bookings, "A", 540),
    ("Northlight Reports", "northlight-reports", Category::Reports, "", 298),
    ("Kassabok", "kassabok", Category::Books, "A", 1_011),
    ("Tidewater Webshop", "tidewater", Category::Webshop, "A", 722),
    ("Gifted Cards", "giftedcards", Category::Payments, "", 233),
    ("Stampcard", "stampcard", Category::Customers, "S", 864),
    ("Rotaflow", "rotaflow", Category::Staff, "A", 480),
    ("Refill Purchasing", "refill", Category::Buying, "", 127),
    ("Fraktbud", "fraktbud", Category::Parcels, "A", 590),
    ("Reviewbird", "reviewbird", Category::Customers, "", 190),
    ("Table Nine Reservations", "tablenine", Category::Bookings, "", 344),
    ("Kitchen Rail", "kitchenrail", Category::Bookings, "A", 611),
    ("Mailhaven Campaigns", "mailhaven", Category::Customers, "", 266),
    ("Margin Notes", "marginnotes", Category::Reports, "", 88),
    ("Countwell Stocktake", "countwell", Category::Stock, "A", 935),
    ("Bike Bench Repairs", "bikebench", Category::Repairs, "", 402),
    ("Copperline Payments", "copperline", Category::Payments, "A", 760),
    ("Vendora Purchasing", "vendora", Category::Buying, "A", 688),
    ("Etikett Labels", "etikett", Category::Stock, "", 520),
    ("Nordstjärna ERP", "nordstjarna", Category::Books, "A", 1_090),
    ("Rösterei Orders", "roesterei-orders", Category::Bookings, "", 157),
    ("Pocket Till", "pockettill", Category::Payments, "S", 446),
    ("Daybook VAT", "daybook", Category::Books, "A", 318),
    ("Lighthouse Analytics", "lighthouse-analytics", Category::Reports, "A", 571),
    ("Sorrel Subscriptions", "sorrel", Category::Webshop, "", 14),
    ("Paperless Receipts", "paperlessreceipts", Category::Customers, "A", 629),
    ("Kundklubben", "kundklubben", Category::Customers, "", 905),
    ("Footfall Counter", "footfall", Category::Reports, "", 216),
    ("Warehouse Hand Scanner", "handscanner", Category::Stock, "", 497),
    ("Second Spin Trade-in", "secondspin", Category::Stock, "", 101),
    ("Quickstaff Rota", "quickstaff", Category::Staff, "", 63),
    ("Sea & Sail Marketplace", "seaandsail", Category::Webshop, "A", 834),
    ("Tulip Click & Collect", "tulip-collect", Category::Webshop, "A", 386),
    ("Harbour & Pine Website", "harbourandpine", Category::House, "", 1_120),
    ("Harbour & Pine Wallboard", "wallboard.harbourandpine", Category::House, "", 275),
    ("Ask Ada Support Desk", "askada", Category::Customers, "", 178),
    ("Cashflow Compass", "cashflowcompass", Category::Books, "P", 2),
    ("Returns Desk", "returnsdesk", Category::Payments, "A", 549),
    ("Foxglove Gift Registry", "foxglove", Category::Payments, "", 240),
    ("Tagline Price Tags", "tagline", Category::Stock, "A", 703),
    ("Plainview Forecast", "plainview", Category::Reports, "P", 5),
    ("Depot Transfers", "depot", Category::Stock, "", 8),
    ("Smörgås Preorders", "smorgas", Category::Bookings, "", 462),
    ("Guestbook Wi-Fi", "guestbook", Category::Customers, "P", 9),
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

/// The clients of a shop with `count` clients. The first ones are always the same.
pub fn integrations(count: usize, rng: &mut StdRng) -> Vec<Integration> {
    let mut all: Vec<Integration> = KNOWN.iter().take(count).map(|row| known(row, rng)).collect();
    let mut names: Vec<(usize, &str, &(Category, &str))> = Vec::new();
    for (level, _) in REGIONS.iter().enumerate() {
        if all.len() + names.len() >= count {
            break;
        }
        let first = names.len();
        names.extend(
            STEMS.split_whitespace().flat_map(|stem| Category::ALL.iter().map(move |category| (level, stem, category))),
        );
        names[first..].shuffle(rng);
    }
    let missing = count - all.len();
    let made = (0..missing).map(|i| invented(names[i % names.len()], i / names.len(), rng));
    all.extend(made);
    all
}

fn known(&(name, host, category, marks, days): &(&str, &str, Category, &str, i64), rng: &mut StdRng) -> Integration {
    let age = days * DAY + rng.random_range(HOUR..20 * HOUR);
    Integration {
        name: name.into(),
        website: format!("https://{host}.example"),
        category,
        lightspeed_approved: marks.contains('A'),
        state: match marks {
            "P" => ClientState::Pending,
            "S" => ClientState::Suspended(rng.random_range(3 * DAY..19 * DAY)),
            _ => ClientState::Active,
        },
        age,
        weight: rng.random_range(0.2..2.0),
    }
}

fn invented(
    (level, stem, (category, what)): (usize, &str, &(Category, &str)),
    round: usize,
    rng: &mut StdRng,
) -> Integration {
    let number = if round == 0 { String::new() } else { (round + 1).to_string() };
    let words = [stem, *what, REGIONS[level], &number];
    let name = words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(" ");
    let (percent, days) = (rng.random_range(0..100), rng.random_range(45..1_095));
    let (state, days) = match percent {
        0..2 => (ClientState::Pending, rng.random_range(1..12)),
        2..5 => (ClientState::Suspended(rng.random_range(3 * DAY..25 * DAY)), days),
        5..10 => (ClientState::Active, rng.random_range(3..40)),
        _ => (ClientState::Active, days),
    };
    Integration {
        website: format!("https://{}.example", name.to_lowercase().replace(' ', "-")),
        name,
        category: *category,
        lightspeed_approved: state != ClientState::Pending && rng.random_bool(0.35),
        state,
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
    fn every_client_has_its_own_name_and_website() {
        let all = integrations(10_000, &mut StdRng::seed_from_u64(1));

        assert_eq!(all.len(), 10_000);
        assert_eq!(all.iter().map(|one| &one.name).collect::<HashSet<_>>().len(), all.len());
        assert_eq!(all.iter().map(|one| &one.website).collect::<HashSet<_>>().len(), all.len());
        for one in &all {
            Website::parse(&one.website).expect("a website that can be linked to");
            assert!(one.category.scopes().iter().all(|scope| Scope::parse(scope).is_some()), "{:?}", one.category);
        }
    }
}
