//! Checks of single settings, and the list of everything that is wrong.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use ipnet::IpNet;

use crate::config::{PublicUrl, Settings};
use crate::http::{Outbound, is_public};
use crate::logging::LogFormat;

/// Collects one line for each invalid setting.
#[derive(Default)]
pub(super) struct Checks {
    wrong: Vec<String>,
}

impl Checks {
    /// The value, or nothing after noting why the setting `name` is invalid.
    pub(super) fn take<T>(&mut self, name: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|why| self.note(name, &why)).ok()
    }

    /// Notes that the setting `name` is invalid.
    pub(super) fn note(&mut self, name: &str, why: &str) {
        self.wrong.push(format!("{name}: {why}"));
    }

    /// The configuration, unless a setting was invalid.
    pub(super) fn finish<T>(self, config: Option<T>) -> Result<T, Vec<String>> {
        match config {
            Some(config) if self.wrong.is_empty() => Ok(config),
            _ => Err(self.wrong),
        }
    }
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("'{text}' is not ADDRESS:PORT"))
}

/// The address for metrics: not of the public internet, because they are served without HTTPS and without sign-in. One that
/// means every network of the machine is allowed: callers from the public internet are refused.
pub(super) fn metrics_listen(text: &str) -> Result<SocketAddr, String> {
    let address = listen(text)?;
    match address.ip().is_unspecified() || !is_public(address.ip()) {
        true => Ok(address),
        false => Err(format!(
            "{} is a public address: metrics are plain http, so use a loopback or private one",
            address.ip()
        )),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("'{other}' is neither text nor json")),
    }
}

/// The public URL; by default the address listened on, if that is loopback. `listen` is empty when it is itself invalid.
pub(super) fn public_url(settings: &Settings, listen: Option<SocketAddr>) -> Result<Option<PublicUrl>, String> {
    match (&settings.public_url, listen) {
        (Some(text), _) => PublicUrl::parse(text).map(Some),
        (None, Some(listen)) if listen.ip().is_loopback() => PublicUrl::parse(&format!("http://{listen}")).map(Some),
        (None, Some(_)) => Err("required when listening beyond loopback: the https URL of the proxy".into()),
        (None, None) => Ok(None),
    }
}

pub(super) fn data_dir(path: &Path) -> Result<(), String> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) if !path.is_dir() && !parent.is_dir() => {
            Err(format!("the folder {} does not exist", parent.display()))
        }
        _ => Ok(()),
    }
}

pub(super) fn proxies(text: &str) -> Result<Vec<IpNet>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| network(part).ok_or_else(|| format!("'{part}' is not an address or a network"))).collect()
}

pub(super) fn outbound(checks: &mut Checks, settings: &Settings) -> Option<Outbound> {
    let private = checks.take("--outbound-private / OUTBOUND_PRIVATE", switch(&settings.outbound_private));
    let authorities = match &settings.outbound_ca {
        None => Ok(Vec::new()),
        Some(path) => std::fs::read(path).map_err(|error| format!("{path}: {error}")),
    };
    let authorities = checks.take("--outbound-ca / OUTBOUND_CA", authorities);
    Some(Outbound { private: private?, authorities: authorities? })
}

/// A secret from the environment: the value of `NAME`, or the content of the file that `NAME_FILE` names. Errors: the file
/// cannot be read.
pub(super) fn secret(name: &str) -> Result<Option<String>, String> {
    if let Ok(text) = std::env::var(name) {
        return Ok(Some(text));
    }
    match std::env::var(format!("{name}_FILE")) {
        Ok(path) => std::fs::read_to_string(&path).map(Some).map_err(|error| format!("{path}: {error}")),
        Err(_) => Ok(None),
    }
}

pub(super) fn number(text: &str, least: i64, most: i64) -> Result<i64, String> {
    match text.parse::<i64>() {
        Ok(n) if (least..=most).contains(&n) => Ok(n),
        _ => Err(format!("'{text}' is not a whole number from {least} to {most}")),
    }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("'{other}' is neither on nor off")),
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
