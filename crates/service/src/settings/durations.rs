//! Settings that say how long: none is longer than a calendar can count from now.

use config::{Value, ValueKind};

const DAY_SECONDS: f64 = 24.0 * 3600.0;
/// A hundred years. Far more overflows where it is added to a date.
const LONGEST_SECONDS: f64 = 36_525.0 * DAY_SECONDS;

/// The whole name of a duration that nobody means, if there is one. The last word of a duration's name, or of the group that it
/// stands in, is its unit.
pub(super) fn too_long(name: &str, value: &Value, unit_seconds: Option<f64>) -> Option<String> {
    let last_word = name.rsplit(['_', '.']).next().unwrap_or_default();
    let unit_seconds = match last_word {
        "ms" => Some(0.001),
        "seconds" => Some(1.0),
        "minutes" => Some(60.0),
        "hours" => Some(3600.0),
        "days" => Some(DAY_SECONDS),
        _ => unit_seconds,
    };
    match &value.kind {
        ValueKind::Table(entries) => entries
            .iter()
            .find_map(|(key, entry)| too_long(&join(name, key), entry, unit_seconds)),
        ValueKind::Array(entries) => entries.iter().find_map(|entry| too_long(name, entry, None)),
        // Those of the environment are texts here.
        _ => {
            let number = value.clone().into_float().ok()?;
            (number * unit_seconds? > LONGEST_SECONDS).then(|| name.to_owned())
        }
    }
}

fn join(group: &str, key: &str) -> String {
    if group.is_empty() {
        key.to_owned()
    } else {
        format!("{group}.{key}")
    }
}
