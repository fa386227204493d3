//! What is told as metrics.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use norma_database::ShadowCounts;
use norma_domain::ReasonCode;
use norma_site::ShadowAnswer;

pub(crate) fn describe() {
    describe_counter!(
        "norma_shadow_answers_total",
        "Studies that the second bundle read, by the verdict that is shown and by its own"
    );
    describe_counter!(
        "norma_shadow_failed_total",
        "Studies that the second bundle could not read, by reason"
    );
    describe_counter!(
        "norma_shadow_missed_total",
        "Studies that were left out because the second bundle did not come to them in time"
    );
    describe_gauge!(
        "norma_shadow_waiting",
        "Studies that were answered and that the second bundle has not come to yet"
    );
    describe_gauge!(
        "norma_shadow_unreadable",
        "Of the newest studies that the second bundle read, those in no comparison: another version of Norma noted them in words that this one \
         does not know"
    );
    describe_gauge!(
        "norma_shadow_ready",
        "1 where the second bundle is open and reads"
    );
    describe_histogram!(
        "norma_shadow_reading_seconds",
        "What the second bundle's models took for a study"
    );
}

pub(crate) fn answered(answer: &ShadowAnswer) {
    let (shown, shadow) = (answer.shown.verdict.as_str(), answer.shadow.verdict.as_str());
    counter!("norma_shadow_answers_total", "shown" => shown, "shadow" => shadow).increment(1);
    histogram!("norma_shadow_reading_seconds").record(Duration::from_millis(answer.duration_ms));
}

pub(crate) fn failed(code: ReasonCode) {
    counter!("norma_shadow_failed_total", "reason" => code.as_str()).increment(1);
}

pub(crate) fn missed(count: usize) {
    counter!("norma_shadow_missed_total").increment(count as u64);
}

pub(crate) fn waiting(counts: ShadowCounts) {
    gauge!("norma_shadow_waiting").set(counts.waiting as f64);
}

pub(crate) fn unreadable(count: u64) {
    gauge!("norma_shadow_unreadable").set(count as f64);
}

pub(crate) fn ready(is_ready: bool) {
    gauge!("norma_shadow_ready").set(f64::from(u8::from(is_ready)));
}
