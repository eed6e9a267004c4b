//! The API types a connection can use, with the hosts and lifetimes that Lightspeed documents for each.

pub use crate::config::Hosts;
use crate::db::text_enum::text_enum;
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
}
