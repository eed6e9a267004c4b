//! Requests, by the area of the program that they went to, their status and the time they took.

use std::sync::OnceLock;

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Registry};

use crate::metrics::{SECONDS, counters, register};

// The statuses that this program answers with. A provider's answer that the broker passes on may have any other.
const STATUSES: [(u16, &str); 28] = [
    (200, "200"),
    (201, "201"),
    (202, "202"),
    (204, "204"),
    (302, "302"),
    (303, "303"),
    (304, "304"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (408, "408"),
    (409, "409"),
    (410, "410"),
    (412, "412"),
    (413, "413"),
    (414, "414"),
    (415, "415"),
    (422, "422"),
    (428, "428"),
    (429, "429"),
    (431, "431"),
    (500, "500"),
    (502, "502"),
    (503, "503"),
    (504, "504"),
    (0, "other"),
];
const CLASSES: [&str; 6] = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"];

macro_rules! areas {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)+) => {
        /// An area of the program that requests go to. There are few, so that they can be a label.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Area { $($(#[$doc])* $name,)+ }

        const AREAS: &[&str] = &[$($label),+];
    };
}

areas! {
    /// The token endpoint.
    Token = "token",
    /// The revocation endpoint.
    Revoke = "revoke",
    /// Introspection.
    Introspect = "introspect",
    /// What gateways ask.
    Verify = "verify",
    /// Authorization requests and consent.
    Authorize = "authorize",
    /// What tokens of this server can read of the shop.
    Resources = "resources",
    /// API calls through a connection.
    Connect = "connect",
    /// Public registration of clients, and the integration guide.
    Registration = "registration",
    /// The admin API.
    Api = "api",
    /// Metadata of the authorization server.
    Metadata = "metadata",
    /// Sign-in, sign-out, set-up and invitations.
    SignIn = "sign_in",
    /// Pages: home and what needs attention.
    Home = "home",
    /// Pages: clients and their tokens.
    Clients = "clients",
    /// Pages: access inventory and bulk revocation.
    Access = "access",
    /// Pages: connections.
    Connections = "connections",
    /// Pages: employees.
    Employees = "employees",
    /// Pages: the activity log.
    Activity = "activity",
    /// Pages: account, resource servers and the viewer's profile.
    Account = "account",
    /// The demo's own pages.
    Demo = "demo",
    /// Style sheets, scripts and icons.
    Static = "static",
    /// Health checks.
    Health = "health",
    /// Anything else: addresses that do not exist.
    Other = "other",
}

impl Area {
    /// The value of the label.
    pub fn label(self) -> &'static str {
        AREAS[self as usize]
    }
}

struct Cell {
    count: IntCounter,
    seconds: Histogram,
}

pub(super) struct Requests {
    counts: IntCounterVec,
    seconds: HistogramVec,
    // One for each area and status, made when it is first needed.
    cells: Vec<OnceLock<Cell>>,
}

impl Requests {
    #[expect(clippy::expect_used, reason = "the names are constants")]
    pub(super) fn new(registry: &Registry) -> Requests {
        let counts = counters("http_requests_total", "Requests that were answered.", &["area", "status"]);
        let options = HistogramOpts::new("http_request_duration_seconds", "Time until the answer begins.");
        let options = options.buckets(SECONDS.to_vec());
        let seconds = HistogramVec::new(options, &["area", "status_class"]).expect("a valid name");
        register(registry, Box::new(counts.clone()));
        register(registry, Box::new(seconds.clone()));
        let cells = (0..AREAS.len() * STATUSES.len()).map(|_| OnceLock::new()).collect();
        Requests { counts, seconds, cells }
    }

    pub(super) fn answered(&self, area: Area, status: u16, seconds: f64) {
        let known = STATUSES.iter().position(|(known, _)| *known == status).unwrap_or(STATUSES.len() - 1);
        // A status that is not listed has one cell for every class, so it takes the slower way.
        if known == STATUSES.len() - 1 {
            let cell = self.cell(area, known, status);
            return cell.add(seconds);
        }
        let cell = &self.cells[area as usize * STATUSES.len() + known];
        cell.get_or_init(|| self.cell(area, known, status)).add(seconds);
    }

    fn cell(&self, area: Area, known: usize, status: u16) -> Cell {
        let class = CLASSES.get(usize::from(status / 100)).unwrap_or(&CLASSES[0]);
        Cell {
            count: self.counts.with_label_values(&[area.label(), STATUSES[known].1]),
            seconds: self.seconds.with_label_values(&[area.label(), *class]),
        }
    }
}

impl Cell {
    fn add(&self, seconds: f64) {
        self.count.inc();
        self.seconds.observe(seconds);
    }
}
