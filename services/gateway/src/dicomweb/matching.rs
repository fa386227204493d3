//! Whether attributes match what a search asks for (PS3.4 C.2.2.2).

use norma_database::{TextMatch, TextRange};
use norma_dicom_instances::Attributes;
use serde_json::Value;

use crate::wildcard::is_like;

/// What is asked of a text, one of which has to match; nothing where anything does.
pub(super) fn text_matches(representation: &str, wanted: &str) -> Vec<TextMatch> {
    let all = values(representation, wanted).map(|value| {
        let is_pattern = value.contains(['*', '?']);
        let text = value.to_owned();
        if is_pattern {
            TextMatch::Wildcard(text)
        } else {
            TextMatch::Equal(text)
        }
    });
    if is_anything(wanted) {
        Vec::new()
    } else {
        all.collect()
    }
}

/// What is asked of a date or a time, one of which has to match; nothing where anything does.
pub(super) fn ranges(representation: &str, wanted: &str) -> Vec<TextRange> {
    let all = values(representation, wanted).map(|value| range(representation, value));
    if is_anything(wanted) {
        Vec::new()
    } else {
        all.collect()
    }
}

/// UIDs of a list.
pub(super) fn uids(wanted: &str) -> Vec<String> {
    values("UI", wanted).map(str::to_owned).collect()
}

/// Whether one of an attribute's values matches.
pub(crate) fn is_match(attributes: &Attributes, tag: &str, wanted: &str) -> bool {
    if is_anything(wanted) {
        return true;
    }
    let Some(attribute) = attributes.get(tag) else {
        return false;
    };
    let representation = attribute["vr"].as_str().unwrap_or_default();
    let held = attribute.get("Value").and_then(Value::as_array);
    held.into_iter()
        .flatten()
        .filter_map(text_of)
        .any(|text| is_one_of(representation, &text, wanted))
}

/// Whether a value is one of those that are asked for.
pub(super) fn is_one_of(representation: &str, text: &str, wanted: &str) -> bool {
    is_anything(wanted)
        || values(representation, wanted).any(|wanted| match representation {
            "UI" => wanted == text,
            "DA" | "TM" | "DT" => {
                let TextRange { from, to } = range(representation, wanted);
                from.is_none_or(|from| text >= from.as_str()) && to.is_none_or(|to| text <= to.as_str())
            }
            "PN" => is_like(&text.to_lowercase(), &wanted.to_lowercase()),
            _ => is_like(text, wanted),
        })
}

fn is_anything(wanted: &str) -> bool {
    wanted.is_empty() || wanted == "*"
}

/// The values that are asked for: between `\`, which no value holds (PS3.4 section C.2.2.2.8), and between commas too, as addresses have
/// them, where none of the representation holds one.
fn values<'a>(representation: &str, wanted: &'a str) -> impl Iterator<Item = &'a str> {
    let may_hold_comma = matches!(
        representation,
        "AE" | "LO" | "LT" | "PN" | "SH" | "ST" | "UC" | "UR" | "UT"
    );
    wanted
        .split(move |character: char| character == '\\' || (character == ',' && !may_hold_comma))
        .map(str::trim)
        .filter(|value| !value.is_empty())
}

/// `from-to`, `from-`, `-to`, or one value. What is not said of a moment may be anything (PS3.4 section C.2.2.2.5).
fn range(representation: &str, wanted: &str) -> TextRange {
    let (from, to) = wanted.split_once('-').unwrap_or((wanted, wanted));
    let bound = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    TextRange {
        from: bound(from),
        to: bound(to).map(|to| last_of(representation, to)),
    }
}

/// The last moment of what is said: 10:59:59.999999 of 10.
fn last_of(representation: &str, mut said: String) -> String {
    let last = match representation {
        "TM" => "235959.999999",
        "DT" => "99991231235959.999999",
        _ => return said,
    };
    said.push_str(last.get(said.len()..).unwrap_or_default());
    said
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(person) => {
            let name = person.get("Alphabetic").and_then(Value::as_str);
            Some(name.unwrap_or_default().to_owned())
        }
        _ => None,
    }
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
            "00080031": {"vr": "TM", "Value": ["093015.5"]},
            "0008103E": {"vr": "LO", "Value": ["Lung, thin"]},
            "00404005": {"vr": "DT", "Value": ["20261128093000"]},
        }))
        .unwrap();
        for (tag, wanted, expected) in [
            ("00080060", "CT", true),
            ("00080060", "MR", false),
            ("00080060", "MR,CT", true),
            ("00080060", "MR\\CT", true),
            ("00080060", "MR,C*", true),
            ("00080060", "MR,PT", false),
            ("00080060", ",", false),
            ("0008103E", "Lung, thin", true),
            ("0008103E", "Abdomen\\Lung*", true),
            ("0008103E", "Lung,Abdomen", false),
            ("00080021", "20250101,20260102", true),
            ("00080031", "09", true),
            ("00080031", "0930", true),
            ("00080031", "0800-0930", true),
            ("00080031", "0931-", false),
            ("00080031", "0800-0929", false),
            ("00404005", "20261128", true),
            ("00404005", "20261127-20261128", true),
            ("00404005", "-20261127", false),
            ("00200011", "2,3", true),
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
