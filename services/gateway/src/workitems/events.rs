//! What subscribers are told (PS3.4 section CC.2.4, PS3.18 section 11.13): data sets in DICOM JSON.

use std::sync::atomic::{AtomicU16, Ordering};

use norma_database::WORKLIST;
use norma_dicom_instances::Attributes;
use serde_json::Value;

use super::attributes::{
    AFFECTED_SOP_INSTANCE, CANCELLATION_REASON, DISCONTINUATION_REASONS, HUMAN_PERFORMERS, INPUT_READINESS,
    OF_CANCELLATION, PROGRESS_INFORMATION, STATE, STATIONS, items, one, picked,
};
use super::creation::UPS_PUSH;
use crate::problem::WorkitemProblem;

const AFFECTED_SOP_CLASS: &str = "00000002";
const MESSAGE_ID: &str = "00000110";
const EVENT_TYPE: &str = "00001002";
const REQUESTING_AE: &str = "00741236";
const SERVICE_STATUS: &str = "00741242";
const SUBSCRIPTION_LIST_STATUS: &str = "00741244";
const WORKITEM_LIST_STATUS: &str = "00741246";

static MESSAGES: AtomicU16 = AtomicU16::new(1);

/// Types of events.
#[derive(Debug, Clone, Copy)]
enum EventType {
    StateReport = 1,
    CancelRequested = 2,
    ProgressReport = 3,
    ServiceStatus = 4,
    Assigned = 5,
}

fn event(uid: &str, kind: EventType, more: impl IntoIterator<Item = (String, Value)>) -> String {
    let message = MESSAGES.fetch_add(1, Ordering::Relaxed);
    let mut event = Attributes::from_iter([
        (AFFECTED_SOP_CLASS.to_owned(), one("UI", UPS_PUSH)),
        (MESSAGE_ID.to_owned(), one("US", message)),
        (AFFECTED_SOP_INSTANCE.to_owned(), one("UI", uid)),
        (EVENT_TYPE.to_owned(), one("US", kind as u16)),
    ]);
    event.extend(more);
    Value::Object(event.into_iter().collect()).to_string()
}

/// In which state it is, whether its input is ready, and why it was canceled.
pub(super) fn state_report(uid: &str, attributes: &Attributes) -> String {
    let of_item = [CANCELLATION_REASON, DISCONTINUATION_REASONS];
    let reasons = items(attributes, PROGRESS_INFORMATION).into_iter();
    let reasons = reasons.flat_map(|item| picked(item, &of_item));
    let told = picked(attributes, &[STATE, INPUT_READINESS]);
    event(uid, EventType::StateReport, told.chain(reasons))
}

pub(super) fn progress_report(uid: &str, attributes: &Attributes) -> String {
    let told = picked(attributes, &[PROGRESS_INFORMATION]);
    event(uid, EventType::ProgressReport, told)
}

/// For whom it is.
pub(super) fn assigned(uid: &str, attributes: &Attributes) -> String {
    let told = picked(attributes, &[STATIONS, HUMAN_PERFORMERS]);
    event(uid, EventType::Assigned, told)
}

/// That the service ends, or was started again: subscriptions and work items are as they were (PS3.4 section CC.2.4.1.4).
#[derive(Debug, Clone, Copy)]
pub(super) enum ServiceStatus {
    GoingDown,
    Restarted,
}

pub(super) fn service_status(status: ServiceStatus) -> String {
    let told: &[(&str, &str)] = match status {
        ServiceStatus::GoingDown => &[(SERVICE_STATUS, "GOING DOWN")],
        ServiceStatus::Restarted => &[
            (SERVICE_STATUS, "RESTARTED"),
            (SUBSCRIPTION_LIST_STATUS, "WARM START"),
            (WORKITEM_LIST_STATUS, "WARM START"),
        ],
    };
    let told = told
        .iter()
        .map(|(tag, value)| ((*tag).to_owned(), one("CS", *value)));
    event(WORKLIST, EventType::ServiceStatus, told)
}

/// Somebody asks the performer to cancel it.
pub(super) fn cancel_requested(uid: &str, requesting: &str, asked: &Attributes) -> String {
    let requesting = (REQUESTING_AE.to_owned(), one("AE", requesting));
    let told = picked(asked, &OF_CANCELLATION).chain([requesting]);
    event(uid, EventType::CancelRequested, told)
}

/// What is told waits for each subscriber.
const LONGEST_EVENT_BYTES: usize = 8192;

/// Whether what a change tells is not longer than may be.
pub(super) fn check_events(events: &[String]) -> Result<(), WorkitemProblem> {
    if events.iter().all(|event| event.len() <= LONGEST_EVENT_BYTES) {
        return Ok(());
    }
    Err(WorkitemProblem::Invalid(format!(
        "subscribers would be told more than {LONGEST_EVENT_BYTES} bytes of DICOM JSON: say it shorter"
    )))
}
