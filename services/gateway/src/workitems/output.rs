//! What Norma says of a work item that it performs: that it is at it, what it made, or why there is nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use norma_dicom_instances::Attributes;
use norma_dicom_results::DicomResult;
use norma_domain::{Reason, ReasonCode, StudyInstanceUid};
use serde_json::Value;

use super::attributes::{
    CANCELED_AT, CANCELLATION_REASON, DISCONTINUATION_REASONS, Item, OUTPUT, PERFORMED, PERFORMED_END,
    PERFORMED_START, PERFORMED_STATIONS, PERFORMED_WORKITEM_CODES, PROGRESS, PROGRESS_INFORMATION,
    STUDY_INSTANCE_UID, WORKITEM_CODES, code, date_time, inner_items, item, item_text, items, one, sequence,
};

const SCHEME: &str = "99NORMA";
const SERIES_INSTANCE_UID: &str = "0020000E";
const TYPE_OF_INSTANCES: &str = "0040E020";
const WADO_RS_RETRIEVAL: &str = "0040E025";
const RETRIEVE_URL: &str = "00081190";
const REFERENCED_SOPS: &str = "00081199";
const REFERENCED_CLASS: &str = "00081150";
const REFERENCED_INSTANCE: &str = "00081155";
/// Characters of a Long Text that say why (LT has more room, others show less).
const REASON_LENGTH: usize = 1024;

/// Why a work item is not performed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Discontinued {
    /// A reason of analyses, or one of the work item's own: `no_input_study`, `study_deleted`.
    code: &'static str,
    words: String,
}

impl Discontinued {
    pub(super) fn new(code: &'static str, words: &str) -> Self {
        Self {
            code,
            words: words.to_owned(),
        }
    }

    fn input(code: ReasonCode, words: &str) -> Self {
        Self::new(code.as_str(), words)
    }
}

impl From<Reason> for Discontinued {
    fn from(reason: Reason) -> Self {
        Self {
            code: reason.code.as_str(),
            words: reason.message,
        }
    }
}

/// Code Value of what Norma does.
pub(super) const TRIAGE: &str = "chest-ct-triage";

/// Norma has begun at `now`.
pub(super) fn begin(attributes: &mut Attributes, station: &str, now: DateTime<Utc>) {
    let asked = items(attributes, WORKITEM_CODES)
        .into_iter()
        .cloned()
        .collect::<Vec<Item>>();
    let codes = if asked.is_empty() {
        vec![code(TRIAGE, SCHEME, "Chest CT triage")]
    } else {
        asked
    };
    let performed = item([
        (PERFORMED_STATIONS, sequence([code(station, SCHEME, "Norma")])),
        (PERFORMED_WORKITEM_CODES, sequence(codes)),
        (PERFORMED_START, one("DT", date_time(now))),
        (OUTPUT, sequence([])),
    ]);
    attributes.insert(PERFORMED.to_owned(), sequence([performed]));
    progress(attributes, 0);
}

/// When Norma began.
pub(super) fn begun_at(attributes: &Attributes) -> Option<DateTime<Utc>> {
    let performed = items(attributes, PERFORMED);
    let text = item_text(performed.first()?, PERFORMED_START)?;
    let parsed = DateTime::parse_from_str(text, "%Y%m%d%H%M%S%.f%z").ok()?;
    Some(parsed.to_utc())
}

/// How far it is, in percent.
pub(super) fn progress(attributes: &mut Attributes, percent: u8) {
    let told = item([(PROGRESS, one("DS", percent.to_string()))]);
    attributes.insert(PROGRESS_INFORMATION.to_owned(), sequence([told]));
}

/// What was made of `study`, which is had at `service` (the URL of DICOMweb).
pub(super) fn complete(
    attributes: &mut Attributes,
    study: &str,
    objects: &[DicomResult],
    service: &str,
    now: DateTime<Utc>,
) {
    let mut by_series: BTreeMap<&str, Vec<&DicomResult>> = BTreeMap::new();
    for object in objects {
        by_series
            .entry(&object.series_instance_uid)
            .or_default()
            .push(object);
    }
    let outputs = by_series.into_iter().map(|(series, objects)| {
        let references = objects.into_iter().map(|object| {
            item([
                (REFERENCED_CLASS, one("UI", object.sop_class_uid.as_str())),
                (REFERENCED_INSTANCE, one("UI", object.sop_instance_uid.as_str())),
            ])
        });
        let url = format!("{service}/studies/{study}/series/{series}");
        item([
            (TYPE_OF_INSTANCES, one("CS", "DICOM")),
            (STUDY_INSTANCE_UID, one("UI", study)),
            (SERIES_INSTANCE_UID, one("UI", series)),
            (REFERENCED_SOPS, sequence(references)),
            (
                WADO_RS_RETRIEVAL,
                sequence([item([(RETRIEVE_URL, one("UR", url))])]),
            ),
        ])
    });
    let outputs: Vec<Item> = outputs.collect();
    end(attributes, sequence(outputs), now);
    progress(attributes, 100);
}

fn end(attributes: &mut Attributes, outputs: Value, now: DateTime<Utc>) {
    let performed = items(attributes, PERFORMED);
    let mut performed = performed
        .first()
        .map(|first| (*first).clone())
        .unwrap_or_default();
    performed.insert(PERFORMED_END.to_owned(), one("DT", date_time(now)));
    performed.insert(OUTPUT.to_owned(), outputs);
    attributes.insert(PERFORMED.to_owned(), sequence([performed]));
}

/// Why there is nothing: (0074,1238) in words, (0074,100E) as the standard's code and Norma's own.
pub(super) fn give_up(attributes: &mut Attributes, reason: &Discontinued, now: DateTime<Utc>) {
    end(attributes, sequence([]), now);
    let own = reason.code;
    let words = format!("{own}: {}", reason.words);
    let words: String = words.chars().take(REASON_LENGTH).collect();
    // A Code Value has 16 characters: a longer one stands in Long Code Value.
    let mut of_norma = code(own, SCHEME, own);
    if own.len() > 16
        && let Some(value) = of_norma.remove(super::attributes::CODE_VALUE)
    {
        let value = value["Value"][0].clone();
        of_norma.insert("00080119".to_owned(), one("UC", value));
    }
    let reasons = [
        code("110513", "DCM", "Discontinued for unspecified reason"),
        of_norma,
    ];
    let told = item([
        (CANCELED_AT, one("DT", date_time(now))),
        (CANCELLATION_REASON, one("LT", words)),
        (DISCONTINUATION_REASONS, sequence(reasons)),
    ]);
    attributes.insert(PROGRESS_INFORMATION.to_owned(), sequence([told]));
}

/// The one study that a work item is about.
pub(super) fn input_study(attributes: &Attributes) -> Result<StudyInstanceUid, Discontinued> {
    match input_studies(attributes).as_slice() {
        [] => Err(Discontinued::new(
            "no_input_study",
            "the Input Information Sequence (0040,4021) names no study",
        )),
        [study] => {
            let study = StudyInstanceUid::new(study)
                .ok()
                .filter(StudyInstanceUid::is_valid);
            study.ok_or_else(|| {
                let words = "the Input Information Sequence (0040,4021) names a study by no UID";
                Discontinued::input(ReasonCode::UidInvalid, words)
            })
        }
        _ => Err(Discontinued::input(
            ReasonCode::SeveralStudies,
            "the Input Information Sequence (0040,4021) names several studies: one work item is one study",
        )),
    }
}

/// The Study Instance UIDs that a work item's input names, each once.
fn input_studies(attributes: &Attributes) -> Vec<String> {
    let of_input = items(attributes, super::attributes::INPUT);
    let named = of_input
        .iter()
        .filter_map(|input| item_text(input, STUDY_INSTANCE_UID));
    let mut studies: Vec<String> = named.map(str::to_owned).collect();
    if studies.is_empty() {
        let own = super::attributes::text(attributes, STUDY_INSTANCE_UID);
        studies.extend(own.map(str::to_owned));
    }
    studies.sort();
    studies.dedup();
    studies
}

/// Whether a sequence of codes has this Code Value.
pub(super) fn has_code(attributes: &Attributes, tag: &str, value: &str) -> bool {
    let codes = items(attributes, tag);
    codes
        .iter()
        .any(|code| item_text(code, super::attributes::CODE_VALUE) == Some(value))
}

/// Whether anybody is named as performer.
pub(super) fn names_person(attributes: &Attributes) -> bool {
    let people = items(attributes, super::attributes::HUMAN_PERFORMERS);
    people
        .iter()
        .any(|person| !person.is_empty() && (!inner_items(person, "00404009").is_empty() || person.len() > 1))
}
