//! The shop itself: its name, its businesses and their locations.

use crate::time::DAY;

/// The shop's name.
pub const NAME: &str = "Harbour & Pine";
/// The mail domain of all employees, by which a later start recognizes demo data.
pub const MAIL_DOMAIN: &str = "harbourandpine.example";
/// The account's time zone.
pub const TIME_ZONE: &str = "Europe/Stockholm";
/// The age of the shop in seconds.
pub const AGE: i64 = 1_190 * DAY;
/// A business: name, currency, country, time zone, locations.
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
