//! Values that are read when somebody asks for them.

use prometheus::{Gauge, GaugeVec, Opts, Registry};

use crate::metrics::{PREFIX, register};

/// The values read for one answer. What cannot be read is left out.
pub struct Reading(Registry);

impl Default for Reading {
    fn default() -> Reading {
        Reading(Registry::new_custom(Some(PREFIX.into()), None).unwrap_or_default())
    }
}

impl Reading {
    /// Adds a value.
    pub fn value(&self, name: &str, help: &str, value: f64) {
        if let Ok(gauge) = Gauge::with_opts(Opts::new(name, help)) {
            gauge.set(value);
            register(&self.0, Box::new(gauge));
        }
    }

    /// Adds a value for each of a few labels.
    pub fn values<'a>(&self, name: &str, help: &str, label: &str, values: impl IntoIterator<Item = (&'a str, f64)>) {
        if let Ok(gauges) = GaugeVec::new(Opts::new(name, help), &[label]) {
            values.into_iter().for_each(|(of, value)| gauges.with_label_values(&[of]).set(value));
            register(&self.0, Box::new(gauges));
        }
    }

    /// Adds a 1 with labels that say something about the program.
    pub fn info(&self, name: &str, help: &str, labels: &[(&str, &str)]) {
        let (names, texts): (Vec<&str>, Vec<&str>) = labels.iter().copied().unzip();
        if let Ok(gauges) = GaugeVec::new(Opts::new(name, help), &names) {
            gauges.with_label_values(&texts).set(1.0);
            register(&self.0, Box::new(gauges));
        }
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.0
    }
}
