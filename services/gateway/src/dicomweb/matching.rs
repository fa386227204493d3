//! Whether attributes match what a search asks for (PS3.4 C.2.2.2).

use norma_database::{TextMatch, TextRange};
use norma_dicom_instances::Attributes;
use serde_json::Value;

use crate::wildcard::is_like;

/// What is asked of a text; None where anything matches.
pub(super) fn text_match(wanted: &str) -> Option<TextMatch> {
    if wanted.is_empty() || wanted == "*" {
        None
    } else if wanted.contains(['*', '?']) {
        Some(TextMatch::Wildcard(wanted.to_owned()))
    } else {
        Some(TextMatch::Equal(wanted.to_owned()))
    }
}

/// `from-to`, `from-`, `-to` or one value; None where anything matches.
pub(super) fn range(wanted: &str) -> Option<TextRange> {
    let bound = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    if wanted.is_empty() {
        return None;
    }
    match wanted.split_once('-') {
        Some((from, to)) => Some(TextRange {
            from: bound(from),
            to: bound(to),
        }),
        None => Some(TextRange {
            from: bound(wanted),
            to: bound(wanted),
        }),
    }
}

/// UIDs of a list.
pub(super) fn uids(wanted: &str) -> Vec<String> {
    wanted
        .split([',', '\\'])
        .map(str::trim)
        .filter(|uid| !uid.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether one of an attribute's values matches.
pub(crate) fn is_match(attributes: &Attributes, tag: &str, wanted: &str) -> bool {
    if wanted.is_empty() || wanted == "*" {
        return true;
    }
    let Some(attribute) = attributes.get(tag) else {
        return false;
    };
    let representation = attribute["vr"].as_str().unwrap_or_default();
    let values = attribute
        .get("Value")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    values.iter().any(|value| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Object(person) => person
                .get("Alphabetic")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            _ => return false,
        };
        match representation {
            "UI" => uids(wanted).contains(&text),
            "DA" | "TM" | "DT" => range(wanted).is_none_or(|range| {
                range.from.is_none_or(|from| text >= from) && range.to.is_none_or(|to| text <= to)
            }),
            "PN" => is_like(&text.to_lowercase(), &wanted.to_lowercase()),
            _ => is_like(&text, wanted),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wildcards_ranges_and_lists() {
        for (text, pattern, expected) in [
            ("CHEST", "CH*", true),
            ("CHEST", "*E?T", true),
            ("CHEST", "C?T", false),
            ("CHEST", "*", true),
            ("", "*", true),
            ("aab", "*ab", true),
            ("CHEST", "CHES", false),
        ] {
            assert_eq!(is_like(text, pattern), expected, "{text} {pattern}");
        }
        let attributes: Attributes = serde_json::from_value(json!({
            "00080060": {"vr": "CS", "Value": ["CT"]},
            "0020000E": {"vr": "UI", "Value": ["1.2"]},
            "00080021": {"vr": "DA", "Value": ["20260102"]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Petrova^Anna"}]},
            "00200011": {"vr": "IS", "Value": [3]},
        }))
        .unwrap();
        for (tag, wanted, expected) in [
            ("00080060", "CT", true),
            ("00080060", "MR", false),
            ("0020000E", "1.3,1.2", true),
            ("00080021", "20260101-20260103", true),
            ("00080021", "-20260101", false),
            ("00100010", "petrova*", true),
            ("00200011", "3", true),
            ("00200013", "3", false),
            ("00200013", "", true),
        ] {
            assert_eq!(is_match(&attributes, tag, wanted), expected, "{tag} {wanted}");
        }
    }
}
