//! Attributes of work items in DICOM JSON (PS3.18 annex F): data sets, and the items of their sequences.

use norma_dicom_instances::{Attributes, read_native_model};
use serde_json::{Map, Value, json};

pub(super) const AFFECTED_SOP_INSTANCE: &str = "00001000";
pub(super) const SPECIFIC_CHARACTER_SET: &str = "00080005";
pub(super) const SOP_CLASS: &str = "00080016";
pub(super) const SOP_INSTANCE: &str = "00080018";
pub(super) const CODE_VALUE: &str = "00080100";
pub(super) const CODING_SCHEME: &str = "00080102";
pub(super) const CODE_MEANING: &str = "00080104";
pub(super) const TRANSACTION_UID: &str = "00081195";
pub(super) const STUDY_INSTANCE_UID: &str = "0020000D";
pub(super) const START: &str = "00404005";
pub(super) const MODIFIED: &str = "00404010";
pub(super) const WORKITEM_CODES: &str = "00404018";
pub(super) const PERFORMED_WORKITEM_CODES: &str = "00404019";
pub(super) const INPUT: &str = "00404021";
pub(super) const STATIONS: &str = "00404025";
pub(super) const STATION_CLASSES: &str = "00404026";
pub(super) const PERFORMED_STATIONS: &str = "00404028";
pub(super) const OUTPUT: &str = "00404033";
pub(super) const HUMAN_PERFORMERS: &str = "00404034";
pub(super) const INPUT_READINESS: &str = "00404041";
pub(super) const PERFORMED_START: &str = "00404050";
pub(super) const PERFORMED_END: &str = "00404051";
pub(super) const CANCELED_AT: &str = "00404052";
pub(super) const STATE: &str = "00741000";
pub(super) const PROGRESS_INFORMATION: &str = "00741002";
pub(super) const PROGRESS: &str = "00741004";
pub(super) const CONTACT_URI: &str = "0074100A";
pub(super) const CONTACT_NAME: &str = "0074100C";
pub(super) const DISCONTINUATION_REASONS: &str = "0074100E";
pub(super) const PRIORITY: &str = "00741200";
pub(super) const WORKLIST_LABEL: &str = "00741202";
pub(super) const LABEL: &str = "00741204";
pub(super) const PERFORMED: &str = "00741216";
pub(super) const CANCELLATION_REASON: &str = "00741238";

/// An item of a sequence.
pub(super) type Item = Map<String, Value>;

/// The first value as a text; None where there is none, or an empty one.
pub(super) fn text<'a>(attributes: &'a Attributes, tag: &str) -> Option<&'a str> {
    first_text(attributes.get(tag)?)
}

/// The same of an item.
pub(super) fn item_text<'a>(item: &'a Item, tag: &str) -> Option<&'a str> {
    first_text(item.get(tag)?)
}

fn first_text(attribute: &Value) -> Option<&str> {
    let text = attribute.get("Value")?.as_array()?.first()?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

/// The items of a sequence; none where there is none.
pub(super) fn items<'a>(attributes: &'a Attributes, tag: &str) -> Vec<&'a Item> {
    attributes.get(tag).map(items_of).unwrap_or_default()
}

/// The same of an item.
pub(super) fn inner_items<'a>(item: &'a Item, tag: &str) -> Vec<&'a Item> {
    item.get(tag).map(items_of).unwrap_or_default()
}

fn items_of(attribute: &Value) -> Vec<&Item> {
    let items = attribute.get("Value").and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_object).collect()
}

/// An attribute with one value.
pub(super) fn one(representation: &str, value: impl Into<Value>) -> Value {
    json!({ "vr": representation, "Value": [value.into()] })
}

/// A sequence.
pub(super) fn sequence(items: impl IntoIterator<Item = Item>) -> Value {
    let items: Vec<Value> = items.into_iter().map(Value::Object).collect();
    if items.is_empty() {
        return json!({ "vr": "SQ" });
    }
    json!({ "vr": "SQ", "Value": items })
}

/// A code (PS3.3 section 8.8).
pub(super) fn code(value: &str, scheme: &str, meaning: &str) -> Item {
    item([
        (CODE_VALUE, one("SH", value)),
        (CODING_SCHEME, one("SH", scheme)),
        (CODE_MEANING, one("LO", meaning)),
    ])
}

pub(super) fn item<const N: usize>(attributes: [(&str, Value); N]) -> Item {
    attributes
        .into_iter()
        .map(|(tag, value)| (tag.to_owned(), value))
        .collect()
}

/// What somebody who asks for a work item to be canceled says of why, and of whom to ask.
pub(super) const OF_CANCELLATION: [&str; 4] = [
    CANCELLATION_REASON,
    DISCONTINUATION_REASONS,
    CONTACT_URI,
    CONTACT_NAME,
];

/// Those of these tags, as they are.
pub(super) fn picked<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a Value)>,
    tags: &[&str],
) -> impl Iterator<Item = (String, Value)> {
    attributes
        .into_iter()
        .filter(|(tag, _)| tags.contains(&tag.as_str()))
        .map(|(tag, value)| (tag.clone(), value.clone()))
}

/// The data set of a body: an object, or a list of one.
pub(super) fn parse(body: &[u8]) -> Option<Attributes> {
    let parsed: Value = serde_json::from_slice(body).ok()?;
    let data_set = match parsed {
        Value::Array(mut list) if list.len() == 1 => list.pop()?,
        other => other,
    };
    let attributes: Attributes = serde_json::from_value(data_set).ok()?;
    is_well_formed(attributes.iter()).then_some(attributes)
}

/// The same of a body that is XML.
pub(super) fn parse_xml(body: &[u8]) -> Option<Attributes> {
    read_native_model(body).filter(|attributes| is_well_formed(attributes.iter()))
}

/// Each attribute is named by eight digits and has a representation; values stand in lists.
fn is_well_formed<'a>(attributes: impl Iterator<Item = (&'a String, &'a Value)>) -> bool {
    let mut attributes = attributes;
    attributes.all(|(tag, attribute)| {
        let is_named = tag.len() == 8
            && tag
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
        let representation = attribute.get("vr").and_then(Value::as_str).unwrap_or_default();
        let values = attribute.get("Value");
        let is_list = values.is_none_or(Value::is_array);
        let items = values.and_then(Value::as_array).into_iter().flatten();
        let are_whole = representation != "SQ"
            || items
                .into_iter()
                .all(|item| item.as_object().is_some_and(|item| is_well_formed(item.iter())));
        is_named && representation.len() == 2 && is_list && are_whole
    })
}

/// A moment as a Date Time (DT, PS3.5 section 6.2).
pub(super) fn date_time(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y%m%d%H%M%S%.3f+0000").to_string()
}
