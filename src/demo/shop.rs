//! The shop itself: its name, its businesses and their locations.

use crate::time::DAY;

/// What the shop is called.
pub const NAME: &str = "Harbour & Pine";
/// The domain of everybody's address: how a later start knows these people for made-up ones.
pub const MAIL_DOMAIN: &str = "harbourandpine.example";
/// Where its pages take their time from.
pub const TIME_ZONE: &str = "Europe/Stockholm";
/// How long ago it all began, in seconds.
pub const AGE: i64 = 1_190 * DAY;
/// A business and its locations: name, currency, country, time zone, places.
pub type Business = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

/// The businesses of the account.
pub const BUSINESSES: [Business; 3] = [
    (
        "Harbour & Pine AB",
        "SEK",
        "SE",
        "Europe/Stockholm",
        &["Södermalm", "Göteborg Haga", "Malmö", "Uppsala", "Webshop"],
    ),
    ("Harbour & Pine ApS", "DKK", "DK", "Europe/Copenhagen", &["København Nørrebro", "Aarhus"]),
    ("Harbour & Pine GmbH", "EUR", "DE", "Europe/Berlin", &["Hamburg Altona", "Lübeck", "Berlin Mitte"]),
];
