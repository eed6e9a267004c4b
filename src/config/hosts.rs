//! The addresses of Lightspeed's servers.

/// The origins of Lightspeed's servers; tests use others.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// R-Series: authorization page and token endpoint.
    pub r_series: String,
    /// R-Series: the API.
    pub r_series_api: String,
    /// X-Series: authorization page.
    pub x_series: String,
    /// X-Series: the origin of a retailer's server, with `{}` for the retailer's domain prefix.
    pub x_series_retailer: String,
    /// K-Series, production: the API, and the token endpoint of V1 clients.
    pub k_series: String,
    /// K-Series, trial: the API, and the token endpoint of V1 clients.
    pub k_series_trial: String,
    /// K-Series, production: the identity realm of V2 clients.
    pub k_series_realm: String,
    /// K-Series, trial: the identity realm of V2 clients.
    pub k_series_realm_trial: String,
}

impl Default for Hosts {
    fn default() -> Hosts {
        Hosts {
            r_series: "https://cloud.lightspeedapp.com".into(),
            r_series_api: "https://api.lightspeedapp.com".into(),
            x_series: "https://secure.retail.lightspeed.app".into(),
            x_series_retailer: "https://{}.retail.lightspeed.app".into(),
            k_series: "https://api.lsk.lightspeed.app".into(),
            k_series_trial: "https://api.trial.lsk.lightspeed.app".into(),
            k_series_realm: "https://auth.lsk-prod.app/realms/k-series".into(),
            k_series_realm_trial: "https://auth.lsk-demo.app/realms/k-series".into(),
        }
    }
}
