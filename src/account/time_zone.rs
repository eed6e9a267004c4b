//! Time zones by their IANA names.

use crate::error::{Error, Result};

/// The names of all time zones that a list offers.
pub fn time_zones() -> Vec<String> {
    let mut zones: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_string()).collect();
    zones.retain(|name| {
        name == "UTC" || (name.contains('/') && !name.starts_with("Etc/") && !name.starts_with("posix"))
    });
    zones.sort();
    zones
}

/// The name, if a time zone has it. Errors: [`Error::Invalid`] otherwise.
pub fn time_zone(name: String) -> Result<String> {
    match jiff::tz::TimeZone::get(&name) {
        Ok(_) => Ok(name),
        Err(_) => Err(Error::Invalid(format!("There is no time zone “{name}”. Enter a name like Europe/Stockholm."))),
    }
}
