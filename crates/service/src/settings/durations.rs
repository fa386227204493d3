//! Settings that say how long: none is longer than a calendar can count from now.

use config::{Value, ValueKind};

use super::SettingsError;

const DAY_SECONDS: f64 = 24.0 * 3600.0;
/// A hundred years. Far more overflows where it is added to a date.
const LONGEST_SECONDS: f64 = 36_525.0 * DAY_SECONDS;

/// Refuses a duration that nobody means: the last word of its name, or of the group that it stands in, is its unit.
///
/// # Errors
/// With the setting's whole name.
pub(super) fn check_durations(
    name: &str,
    value: &Value,
    unit_seconds: Option<f64>,
) -> Result<(), SettingsError> {
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
            .try_for_each(|(key, entry)| check_durations(&join(name, key), entry, unit_seconds)),
        ValueKind::Array(entries) => entries
            .iter()
            .try_for_each(|entry| check_durations(name, entry, None)),
        // Those of the environment are texts here.
        _ => match (unit_seconds, value.clone().into_float()) {
            (Some(unit), Ok(number)) if number * unit > LONGEST_SECONDS => Err(SettingsError::Invalid {
                name: name.to_owned(),
                problem: "is at most a hundred years",
            }),
            _ => Ok(()),
        },
    }
}

fn join(group: &str, key: &str) -> String {
    if group.is_empty() {
        key.to_owned()
    } else {
        format!("{group}.{key}")
    }
}
