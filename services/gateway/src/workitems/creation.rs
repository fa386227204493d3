//! What a new work item has to say (PS3.4 table CC.2.5-3, N-CREATE).

use chrono::{DateTime, Utc};
use norma_database::WorkitemState;
use norma_dicom_instances::{Attributes, representation_of};
use norma_domain::SopInstanceUid;
use serde_json::json;

use super::attributes::{
    AFFECTED_SOP_INSTANCE, INPUT, INPUT_READINESS, LABEL, MODIFIED, PERFORMED, PRIORITY,
    PROGRESS_INFORMATION, SOP_CLASS, SOP_INSTANCE, SPECIFIC_CHARACTER_SET, START, STATE, STATION_CLASSES,
    STATIONS, TRANSACTION_UID, WORKITEM_CODES, WORKLIST_LABEL, date_time, items, one, text,
};
use crate::new_uid::new_uid;
use crate::problem::WorkitemProblem;

pub(super) const UPS_PUSH: &str = "1.2.840.10008.5.1.4.34.6.1";
/// Where a work item names no list.
const DEFAULT_WORKLIST: &str = "Norma";
/// Those that have to be there, and may be empty (type 2 of the one who asks, or of what is kept).
const MAY_BE_EMPTY: [&str; 17] = [
    "00080050",
    "00100010",
    "00100020",
    "00100030",
    "00100040",
    "00380010",
    "00081080",
    "00081084",
    "00400400",
    STATIONS,
    STATION_CLASSES,
    "00404027",
    WORKITEM_CODES,
    INPUT,
    "00741210",
    "0040A370",
    PROGRESS_INFORMATION,
];

/// A work item that may be kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Creation {
    pub(super) uid: String,
    pub(super) attributes: Attributes,
    /// Something was added or changed here.
    pub(super) is_modified: bool,
}

/// Checks a new work item, and adds what it leaves out and may. `uid`: of the request's address.
pub(super) fn create(
    uid: Option<&str>,
    mut attributes: Attributes,
    now: DateTime<Utc>,
) -> Result<Creation, WorkitemProblem> {
    let invalid = |detail: &str| WorkitemProblem::Invalid(detail.to_owned());
    let named = [AFFECTED_SOP_INSTANCE, SOP_INSTANCE].map(|tag| text(&attributes, tag).map(str::to_owned));
    let uid = uid
        .map(str::to_owned)
        .into_iter()
        .chain(named.into_iter().flatten());
    let mut uids: Vec<String> = uid.collect();
    uids.dedup();
    let uid = match uids.as_slice() {
        [] => new_uid(),
        [uid] => uid.clone(),
        _ => return Err(invalid("the address and the data set name different work items")),
    };
    if !SopInstanceUid::new(&uid).is_ok_and(|uid| uid.is_valid()) {
        return Err(invalid("the work item is not named by a UID (PS3.5 section 9)"));
    }
    attributes.retain(|tag, _| !tag.starts_with("0000"));
    if text(&attributes, STATE) != Some(WorkitemState::Scheduled.as_str()) {
        return Err(invalid(
            "Procedure Step State (0074,1000) is SCHEDULED in a new work item",
        ));
    }
    if text(&attributes, TRANSACTION_UID).is_some() {
        return Err(invalid("a new work item has no Transaction UID (0008,1195)"));
    }
    for (tag, name) in [
        (PROGRESS_INFORMATION, "Progress Information"),
        (PERFORMED, "Performed Procedure"),
    ] {
        if !items(&attributes, tag).is_empty() {
            return Err(invalid(&format!(
                "the {name} Sequence of a new work item is empty"
            )));
        }
    }
    check_values(&attributes)?;
    let before = attributes.clone();
    attributes.remove(TRANSACTION_UID);
    for tag in MAY_BE_EMPTY.into_iter().chain([PERFORMED]) {
        let representation = representation_of(u32::from_str_radix(tag, 16).unwrap_or_default());
        let representation = String::from_utf8_lossy(&representation).into_owned();
        attributes
            .entry(tag.to_owned())
            .or_insert_with(|| json!({ "vr": representation }));
    }
    if text(&attributes, WORKLIST_LABEL).is_none() {
        attributes.insert(WORKLIST_LABEL.to_owned(), one("LO", DEFAULT_WORKLIST));
    }
    let is_modified = attributes.keys().any(|tag| !before.contains_key(tag))
        || attributes.get(WORKLIST_LABEL) != before.get(WORKLIST_LABEL);
    // What the worklist says of itself is no modification.
    attributes.insert(SPECIFIC_CHARACTER_SET.to_owned(), one("CS", "ISO_IR 192"));
    attributes.insert(SOP_CLASS.to_owned(), one("UI", UPS_PUSH));
    attributes.insert(SOP_INSTANCE.to_owned(), one("UI", uid.as_str()));
    attributes.insert(MODIFIED.to_owned(), one("DT", date_time(now)));
    Ok(Creation {
        uid,
        attributes,
        is_modified,
    })
}

/// A work item grows with each update: a worklist of those that grew without end could not be read any more.
const LARGEST_BYTES: usize = 65_536;

/// Whether a work item as a whole is not longer than may be.
pub(super) fn check_size(attributes: &Attributes) -> Result<(), WorkitemProblem> {
    let bytes = serde_json::to_vec(attributes).map_or(usize::MAX, |bytes| bytes.len());
    if bytes <= LARGEST_BYTES {
        return Ok(());
    }
    Err(WorkitemProblem::Invalid(format!(
        "the work item would be longer than {LARGEST_BYTES} bytes of DICOM JSON: leave attributes out or empty some"
    )))
}

/// What has to have a value, and one of a list where there is one; of a work item as a whole.
pub(super) fn check_values(attributes: &Attributes) -> Result<(), WorkitemProblem> {
    let required: [(&str, &str, &[&str]); 4] = [
        (
            PRIORITY,
            "Scheduled Procedure Step Priority (0074,1200)",
            &["HIGH", "MEDIUM", "LOW"],
        ),
        (LABEL, "Procedure Step Label (0074,1204)", &[]),
        (START, "Scheduled Procedure Step Start DateTime (0040,4005)", &[]),
        (
            INPUT_READINESS,
            "Input Readiness State (0040,4041)",
            &["INCOMPLETE", "UNAVAILABLE", "READY"],
        ),
    ];
    for (tag, name, allowed) in required {
        let Some(value) = text(attributes, tag) else {
            return Err(WorkitemProblem::Invalid(format!("{name} has no value")));
        };
        if !allowed.is_empty() && !allowed.contains(&value) {
            let allowed = allowed.join(", ");
            return Err(WorkitemProblem::Invalid(format!("{name} is one of {allowed}")));
        }
    }
    Ok(())
}
