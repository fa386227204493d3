//! How a work item changes: updates (N-SET) and states (N-ACTION), PS3.4 section CC.2.

use chrono::{DateTime, Utc};
use norma_database::{Workitem, WorkitemChange, WorkitemState};
use norma_dicom_instances::Attributes;
use norma_domain::SopInstanceUid;

use super::attributes::{
    CANCELED_AT, DISCONTINUATION_REASONS, HUMAN_PERFORMERS, INPUT_READINESS, Item, MODIFIED, OF_CANCELLATION,
    OUTPUT, PERFORMED, PERFORMED_END, PERFORMED_START, PERFORMED_STATIONS, PERFORMED_WORKITEM_CODES,
    PROGRESS_INFORMATION, SOP_CLASS, SOP_INSTANCE, SPECIFIC_CHARACTER_SET, STATE, STATIONS,
    STUDY_INSTANCE_UID, TRANSACTION_UID, code, date_time, inner_items, item_text, items, one, picked,
    sequence, text,
};
use super::creation::check_values;
use super::events;
use crate::problem::WorkitemProblem;

/// What an update may not change: what names the work item, its state, and its patient (PS3.4 table CC.2.5-3, N-SET).
const FIXED: [&str; 18] = [
    SPECIFIC_CHARACTER_SET,
    SOP_CLASS,
    SOP_INSTANCE,
    STATE,
    MODIFIED,
    STUDY_INSTANCE_UID,
    "00080050",
    "00100010",
    "00100020",
    "00100021",
    "00100030",
    "00100040",
    "00380010",
    "00081080",
    "00081084",
    "0040A370",
    "00741224",
    TRANSACTION_UID,
];

/// A change to be made, or that there is none to make.
#[derive(Debug, Clone)]
pub(super) enum Changed {
    To(Box<WorkitemChange>),
    /// It is in this final state already.
    AlreadyIs(WorkitemState),
}

/// Who changes it has to know its key.
fn check_transaction(workitem: &Workitem, transaction: Option<&str>) -> Result<(), WorkitemProblem> {
    match (workitem.transaction_uid.as_deref(), transaction) {
        (_, None) => Err(WorkitemProblem::TransactionMissing),
        (Some(own), Some(named)) if own == named => Ok(()),
        _ => Err(WorkitemProblem::TransactionWrong),
    }
}

fn changed(
    workitem: &Workitem,
    state: WorkitemState,
    transaction_uid: Option<String>,
    mut attributes: Attributes,
    now: DateTime<Utc>,
) -> WorkitemChange {
    let before = &workitem.attributes;
    attributes.insert(STATE.to_owned(), one("CS", state.as_str()));
    attributes.insert(MODIFIED.to_owned(), one("DT", date_time(now)));
    let uid = &workitem.sop_instance_uid;
    let mut events = Vec::new();
    let differs = |tag: &str| before.get(tag) != attributes.get(tag);
    if workitem.state != state || differs(INPUT_READINESS) {
        events.push(events::state_report(uid, &attributes));
    }
    // A state that ends tells its reasons itself.
    if !state.is_final() && differs(PROGRESS_INFORMATION) {
        events.push(events::progress_report(uid, &attributes));
    }
    if differs(STATIONS) || differs(HUMAN_PERFORMERS) {
        events.push(events::assigned(uid, &attributes));
    }
    WorkitemChange {
        state,
        transaction_uid,
        attributes,
        is_for_norma: false,
        events,
    }
}

/// Replaces the attributes of `update`, sequences as a whole.
pub(super) fn update(
    workitem: &Workitem,
    transaction: Option<&str>,
    mut update: Attributes,
    now: DateTime<Utc>,
) -> Result<WorkitemChange, WorkitemProblem> {
    update.retain(|tag, _| !tag.starts_with("0000"));
    match workitem.state {
        WorkitemState::Scheduled if transaction.is_some() => return Err(WorkitemProblem::NotClaimed),
        WorkitemState::Scheduled => {}
        WorkitemState::InProgress => check_transaction(workitem, transaction)?,
        ended => return Err(WorkitemProblem::Inconsistent(format!("it is {}", ended.as_str()))),
    }
    if let Some(fixed) = FIXED.into_iter().find(|tag| update.contains_key(*tag)) {
        return Err(WorkitemProblem::Invalid(format!(
            "an update does not change {fixed}: leave it out"
        )));
    }
    let of_performer = [PROGRESS_INFORMATION, PERFORMED];
    if workitem.state == WorkitemState::Scheduled && of_performer.iter().any(|tag| update.contains_key(*tag))
    {
        let detail = "progress and what was performed are told by who has claimed it";
        return Err(WorkitemProblem::Inconsistent(detail.to_owned()));
    }
    let mut attributes = workitem.attributes.clone();
    attributes.extend(update);
    check_values(&attributes)?;
    let transaction_uid = workitem.transaction_uid.clone();
    Ok(changed(
        workitem,
        workitem.state,
        transaction_uid,
        attributes,
        now,
    ))
}

/// Brings a work item into another state.
pub(super) fn change_state(
    workitem: &Workitem,
    wanted: WorkitemState,
    transaction: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Changed, WorkitemProblem> {
    let inconsistent = |detail: String| Err(WorkitemProblem::Inconsistent(detail));
    let is_uid = |uid: &&str| SopInstanceUid::new(uid).is_ok_and(|uid| uid.is_valid());
    match (workitem.state, wanted) {
        (_, WorkitemState::Scheduled) => inconsistent("only a new work item is SCHEDULED".to_owned()),
        (own, wanted) if own == wanted && own.is_final() => Ok(Changed::AlreadyIs(own)),
        (own, _) if own.is_final() => inconsistent(format!("it is {}", own.as_str())),
        (WorkitemState::Scheduled, WorkitemState::InProgress) => {
            let transaction = transaction.ok_or(WorkitemProblem::TransactionMissing)?;
            if !is_uid(&transaction) {
                return Err(WorkitemProblem::Invalid(
                    "the Transaction UID is no UID".to_owned(),
                ));
            }
            let key = Some(transaction.to_owned());
            let attributes = workitem.attributes.clone();
            Ok(Changed::To(Box::new(changed(
                workitem, wanted, key, attributes, now,
            ))))
        }
        (WorkitemState::InProgress, WorkitemState::InProgress) => {
            inconsistent("somebody has claimed it".to_owned())
        }
        (WorkitemState::Scheduled, _) => inconsistent("nobody has claimed it yet".to_owned()),
        (_, wanted) => {
            check_transaction(workitem, transaction)?;
            let attributes = workitem.attributes.clone();
            if let Some(missing) = missing_at_end(&attributes, wanted) {
                return inconsistent(format!(
                    "{missing} has to be told before it is {}",
                    wanted.as_str()
                ));
            }
            Ok(Changed::To(Box::new(changed(
                workitem, wanted, None, attributes, now,
            ))))
        }
    }
}

/// What the final state needs and the work item does not have yet (PS3.4 table CC.2.5-3, Final State).
fn missing_at_end(attributes: &Attributes, state: WorkitemState) -> Option<&'static str> {
    if state == WorkitemState::Canceled {
        let progress = items(attributes, PROGRESS_INFORMATION);
        let has = |tag: &str| progress.iter().any(|item| item_text(item, tag).is_some());
        let has_reason = progress
            .iter()
            .any(|item| !inner_items(item, DISCONTINUATION_REASONS).is_empty());
        return if !has(CANCELED_AT) {
            Some("Procedure Step Cancellation DateTime (0040,4052)")
        } else if !has_reason {
            Some("Procedure Step Discontinuation Reason Code Sequence (0074,100E)")
        } else {
            None
        };
    }
    let performed = items(attributes, PERFORMED);
    let Some(performed) = performed.first() else {
        return Some("Unified Procedure Step Performed Procedure Sequence (0074,1216)");
    };
    let missing = [
        (
            PERFORMED_STATIONS,
            "Performed Station Name Code Sequence (0040,4028)",
        ),
        (
            PERFORMED_WORKITEM_CODES,
            "Performed Workitem Code Sequence (0040,4019)",
        ),
    ]
    .into_iter()
    .find(|(tag, _)| inner_items(performed, tag).is_empty())
    .or_else(|| {
        [
            (
                PERFORMED_START,
                "Performed Procedure Step Start DateTime (0040,4050)",
            ),
            (PERFORMED_END, "Performed Procedure Step End DateTime (0040,4051)"),
        ]
        .into_iter()
        .find(|(tag, _)| item_text(performed, tag).is_none())
    });
    // It may be empty.
    let has_output = performed.contains_key(OUTPUT);
    missing
        .map(|(_, name)| name)
        .or_else(|| (!has_output).then_some("Output Information Sequence (0040,4033)"))
}

/// Cancels a work item that nobody has claimed, because somebody asked for it: by way of IN PROGRESS, as the standard has it
/// (PS3.4 section CC.2.2.3).
pub(super) fn cancel(workitem: &Workitem, asked: &Attributes, now: DateTime<Utc>) -> WorkitemChange {
    let mut attributes = workitem.attributes.clone();
    let mut progress = Item::new();
    progress.insert(CANCELED_AT.to_owned(), one("DT", date_time(now)));
    progress.extend(picked(asked, &OF_CANCELLATION));
    if inner_items(&progress, DISCONTINUATION_REASONS).is_empty() {
        let reason = code("110513", "DCM", "Discontinued for unspecified reason");
        progress.insert(DISCONTINUATION_REASONS.to_owned(), sequence([reason]));
    }
    attributes.insert(PROGRESS_INFORMATION.to_owned(), sequence([progress]));
    let mut claimed = attributes.clone();
    claimed.insert(STATE.to_owned(), one("CS", WorkitemState::InProgress.as_str()));
    let on_its_way = events::state_report(&workitem.sop_instance_uid, &claimed);
    let mut change = changed(workitem, WorkitemState::Canceled, None, attributes, now);
    change.events.insert(0, on_its_way);
    change
}

/// What a work item says of its state: for the answer that names no transaction.
pub(super) fn document_of(workitem: &Workitem) -> Attributes {
    let mut attributes = workitem.attributes.clone();
    attributes.remove(TRANSACTION_UID);
    attributes
}

/// The text of an attribute of a body.
pub(super) fn named(attributes: &Attributes, tag: &str) -> Option<String> {
    text(attributes, tag).map(str::to_owned)
}

/// No change but in what its subscribers are told.
pub(super) fn only_telling(workitem: &Workitem, event: String) -> WorkitemChange {
    WorkitemChange {
        state: workitem.state,
        transaction_uid: workitem.transaction_uid.clone(),
        attributes: workitem.attributes.clone(),
        is_for_norma: workitem.is_for_norma,
        events: vec![event],
    }
}
