//! The watch for drift: one process of an installation looks, every report worker tells what was seen as metrics, and the one that looked
//! writes a line to the log when something new drifted.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use metrics::{describe_gauge, gauge};
use norma_accuracy::Drift;
use norma_database::{DatabaseError, DriftLook};
use norma_service::Context;
use norma_site::{DRIFT_SCHEMA, DriftReport, DriftWindows, Observations};
use uuid::Uuid;

/// A look is old after this time, and somebody looks again.
const INTERVAL: TimeDelta = TimeDelta::hours(1);
/// How often a worker asks what was seen last: one row.
const ASK_EVERY: Duration = Duration::from_secs(300);
const WINDOWS: DriftWindows = DriftWindows {
    reference: 300,
    last: 100,
};
const NEWEST: u32 = 5000;
const LEASE: &str = "drift";
/// Longer than any look takes: the first one of an installation reads the newest reports, each later one those since.
const LEASE_FOR: Duration = Duration::from_secs(900);

/// Runs until shutdown.
pub(crate) async fn run_drift_watch(context: Context) {
    describe_metrics();
    let holder = Uuid::now_v7();
    let mut compared = BTreeSet::new();
    loop {
        match newest_look(&context, holder).await {
            Ok(Some(report)) => compared = set_metrics(&report, &compared),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "failed to look for drift"
                );
            }
        }
        tokio::select! {
            () = context.shutdown.cancelled() => return,
            () = tokio::time::sleep(ASK_EVERY) => {}
        }
    }
}

/// What was seen last, by this process where it is time and no other is at it. None where nobody has looked yet.
async fn newest_look(context: &Context, holder: Uuid) -> Result<Option<DriftReport>, DatabaseError> {
    let database = &context.database;
    let last = database.drift_look().await?;
    if last.as_ref().is_some_and(is_fresh) || !database.take_lease(LEASE, holder, LEASE_FOR).await? {
        return Ok(last.and_then(read));
    }
    let looked = look(context, last.and_then(read)).await;
    database.release_lease(LEASE, holder).await?;
    looked.map(Some)
}

async fn look(context: &Context, before: Option<DriftReport>) -> Result<DriftReport, DatabaseError> {
    let database = &context.database;
    let observations = Observations::read(database, NEWEST).await?;
    let report = DriftReport::of(&observations, WINDOWS);
    let stored = serde_json::to_value(&report).map_err(|_| DatabaseError::NotStorable("drift report"))?;
    database.note_drift_look(stored).await?;
    let known = before.as_ref().map(drifted).unwrap_or_default();
    if let Some(told) = new_alarm(&known, &drifted(&report)) {
        tracing::warn!(
            drifted = told,
            "studies are no longer distributed as they were: the page on drift and `norma drift` tell more"
        );
    }
    Ok(report)
}

/// A look by a version that tells other things is none.
fn read(look: DriftLook) -> Option<DriftReport> {
    let report: DriftReport = serde_json::from_value(look.report).ok()?;
    (report.schema == DRIFT_SCHEMA).then_some(report)
}

fn is_fresh(look: &DriftLook) -> bool {
    let age = Utc::now() - look.looked_at;
    // A look in the future is by a clock that was set: no reason to wait for it.
    age < INTERVAL && age > -INTERVAL && read(look.clone()).is_some()
}

fn drifted(report: &DriftReport) -> BTreeSet<String> {
    report
        .drifted()
        .map(|(scanner, quantity)| format!("{scanner}: {}", quantity.quantity))
        .collect()
}

/// All that drifted, where something is among it that was not told before.
fn new_alarm(known: &BTreeSet<String>, drifted: &BTreeSet<String>) -> Option<String> {
    let told: Vec<&str> = drifted.iter().map(String::as_str).collect();
    (!drifted.is_subset(known)).then(|| told.join("; "))
}

fn describe_metrics() {
    describe_gauge!(
        "norma_drift_alarm",
        "1 where the last studies of a scanner are distributed otherwise than those before them, by quantity"
    );
    describe_gauge!(
        "norma_drift_p_value",
        "The chance of such a difference without drift, by scanner and quantity"
    );
    describe_gauge!(
        "norma_drift_index",
        "Population stability index of the last studies against those before them, by scanner and quantity"
    );
    describe_gauge!(
        "norma_drift_cumulative_sum",
        "The highest that a cumulative sum of the last studies came to, in standard deviations, by scanner and quantity"
    );
    describe_gauge!(
        "norma_drift_last_share",
        "Share of the last studies that were released, undetermined or failed a quality check, by scanner"
    );
}

/// Scanner and quantity.
type Labels = (String, String);

/// Sets the gauges of what was compared; gives their labels. What was compared `before` and is not any more, as after a change of the
/// bundle, has no value: an alarm of then is none of now. Labels are scanners with studies enough for both windows: never what
/// a single file says of itself.
fn set_metrics(report: &DriftReport, before: &BTreeSet<Labels>) -> BTreeSet<Labels> {
    let mut compared = BTreeSet::new();
    for profile in &report.profiles {
        for quantity in &profile.quantities {
            let of = (profile.scanner.to_string(), quantity.quantity.to_string());
            let labels = labels(&of);
            let p_value = match quantity.drift {
                Drift::TooFew { .. } => continue,
                Drift::Values(values) => {
                    gauge!("norma_drift_index", &labels).set(values.population_stability_index);
                    gauge!("norma_drift_cumulative_sum", &labels).set(values.cumulative_sum);
                    values.least_p_value()
                }
                Drift::Share(share) => {
                    gauge!("norma_drift_last_share", &labels).set(share.last.value().unwrap_or_default());
                    share.p_value
                }
            };
            gauge!("norma_drift_p_value", &labels).set(p_value);
            gauge!("norma_drift_alarm", &labels).set(f64::from(u8::from(quantity.drift.has_drifted())));
            compared.insert(of);
        }
    }
    for of in before.difference(&compared) {
        for name in ["norma_drift_p_value", "norma_drift_alarm"] {
            gauge!(name, &labels(of)).set(f64::NAN);
        }
    }
    compared
}

fn labels((scanner, quantity): &Labels) -> [(&'static str, String); 2] {
    [("scanner", scanner.clone()), ("quantity", quantity.clone())]
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;
    use norma_accuracy::{Level, Proportion, share_drift};
    use norma_domain::ScannerProfile;

    use norma_site::{DriftedQuantity, ProfileDrift, Quantity};

    use super::*;

    #[test]
    fn an_alarm_is_told_once() {
        let set =
            |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
        assert_eq!(new_alarm(&set(&[]), &set(&[])), None);
        assert_eq!(
            new_alarm(&set(&[]), &set(&["a: score"])).as_deref(),
            Some("a: score")
        );
        assert_eq!(new_alarm(&set(&["a: score"]), &set(&["a: score"])), None);
        assert_eq!(
            new_alarm(&set(&["a: score", "b: score"]), &set(&["a: score"])),
            None
        );
        let more = new_alarm(&set(&["a: score"]), &set(&["a: score", "b: released"]));
        assert_eq!(more.as_deref(), Some("a: score; b: released"));
    }

    fn report(last: usize, share: f64) -> DriftReport {
        let of = |trials: usize, share: f64| {
            Proportion::new((trials as f64 * share) as u64, trials as u64).expect("a share")
        };
        let drift = share_drift(of(100, 0.5), of(last, share), Level::NINETY_FIVE);
        let scanner = ScannerProfile::new("SIEMENS", "Force", "Br40d", 1.0, false).expect("all is known");
        DriftReport {
            schema: DRIFT_SCHEMA.to_owned(),
            windows: WINDOWS,
            bundle: None,
            significance: 0.01,
            cumulative_sum_limit: 5.0,
            without_scanner: 0,
            profiles: vec![ProfileDrift {
                scanner,
                studies: 100 + last,
                quantities: vec![DriftedQuantity {
                    quantity: Quantity::Released,
                    drift,
                    plot: None,
                }],
            }],
        }
    }

    #[test]
    fn an_alarm_ends_with_what_it_was_about() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let alarm = || {
            let text = handle.render();
            let line = text.lines().find(|line| line.starts_with("norma_drift_alarm{"));
            line.and_then(|line| line.rsplit(' ').next()).map(str::to_owned)
        };
        metrics::with_local_recorder(&recorder, || {
            // Too few from the start: a scanner of a few files is no label.
            let compared = set_metrics(&report(10, 0.5), &BTreeSet::new());
            assert!(compared.is_empty() && alarm().is_none());
            let compared = set_metrics(&report(100, 0.5), &compared);
            assert_eq!(alarm().as_deref(), Some("0"));
            let compared = set_metrics(&report(100, 1.0), &compared);
            assert_eq!(alarm().as_deref(), Some("1"));
            let compared = set_metrics(&report(10, 1.0), &compared);
            assert!(compared.is_empty());
            assert_eq!(alarm().as_deref(), Some("NaN"));
        });
    }
}
