//! The watch for drift: one process of an installation looks, every report worker tells what was seen as metrics, and the one that looked
//! writes a line to the log when something new drifted.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use metrics::{Gauge, describe_gauge, gauge};
use norma_accuracy::Drift;
use norma_database::{Database, DatabaseError};
use norma_service::Context;
use norma_site::{DriftReport, DriftWindows, Observations};
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
    let mut told = BTreeSet::new();
    loop {
        match newest_look(&context, holder).await {
            Ok(Some(report)) => told = set_metrics(&report, &told),
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
    let last = stored_look(database).await?;
    if is_fresh(last.as_ref()) || !database.take_lease(LEASE, holder, LEASE_FOR).await? {
        return Ok(last.map(|(_, report)| report));
    }
    // Another may have looked before the lease was free.
    let looked = match stored_look(database).await {
        Ok(last) if is_fresh(last.as_ref()) => Ok(last.map(|(_, report)| report)),
        Ok(last) => look(context, last.map(|(_, report)| report)).await.map(Some),
        Err(error) => Err(error),
    };
    database.release_lease(LEASE, holder).await?;
    looked
}

/// When it was looked last and what was seen; a look by a version that tells other things is none.
async fn stored_look(database: &Database) -> Result<Option<(DateTime<Utc>, DriftReport)>, DatabaseError> {
    let look = database.drift_look().await?;
    Ok(look.and_then(|look| Some((look.looked_at, DriftReport::of_stored(look.report)?))))
}

fn is_fresh(last: Option<&(DateTime<Utc>, DriftReport)>) -> bool {
    last.is_some_and(|(looked_at, _)| {
        let age = Utc::now() - looked_at;
        // A look in the future is by a clock that was set: no reason to wait for it.
        age < INTERVAL && age > -INTERVAL
    })
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
        "norma_drift_share_cumulative_sum",
        "The highest that a cumulative sum over the last studies came to, in studies more than are expected or fewer, by scanner and quantity"
    );
    describe_gauge!(
        "norma_drift_last_share",
        "Share of the last studies that were released, undetermined or failed a quality check, by scanner"
    );
    describe_gauge!(
        "norma_drift_unreadable",
        "Answers in no comparison, because another version of Norma wrote them in words that this one does not know"
    );
}

/// A gauge's name, scanner and quantity.
type Told = (&'static str, String, String);

/// Sets the gauges of what was compared; gives which. What was told `before` and is not any more, as after a change of the
/// bundle, has no value: an alarm of then is none of now. Labels are scanners with studies enough for both windows: never what
/// a single file says of itself.
fn set_metrics(report: &DriftReport, before: &BTreeSet<Told>) -> BTreeSet<Told> {
    gauge!("norma_drift_unreadable").set(report.unreadable as f64);
    let mut told = BTreeSet::new();
    for profile in &report.profiles {
        for quantity in &profile.quantities {
            let mut tell = |name: &'static str, value: f64| {
                let of = (name, profile.scanner.to_string(), quantity.quantity.to_string());
                gauge_of(&of).set(value);
                told.insert(of);
            };
            let p_value = match quantity.drift {
                Drift::TooFew { .. } => continue,
                Drift::Values(values) => {
                    tell("norma_drift_index", values.population_stability_index);
                    tell("norma_drift_cumulative_sum", values.cumulative_sum);
                    values.least_p_value()
                }
                Drift::Share(share) => {
                    tell("norma_drift_last_share", share.last.value().unwrap_or_default());
                    tell("norma_drift_share_cumulative_sum", share.cumulative_sum);
                    share.least_p_value()
                }
            };
            tell("norma_drift_p_value", p_value);
            tell(
                "norma_drift_alarm",
                f64::from(u8::from(quantity.drift.has_drifted())),
            );
        }
    }
    for of in before.difference(&told) {
        gauge_of(of).set(f64::NAN);
    }
    told
}

fn gauge_of((name, scanner, quantity): &Told) -> Gauge {
    gauge!(*name, "scanner" => scanner.clone(), "quantity" => quantity.clone())
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;
    use norma_accuracy::{Level, Proportion, share_drift};
    use norma_domain::ScannerProfile;

    use norma_site::{DRIFT_SCHEMA, DriftedQuantity, ProfileDrift, Quantity};

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
        let reference = Proportion::new(50, 100).expect("a share");
        let released: Vec<bool> = (0..last)
            .map(|at| (at % 2) as f64 >= 2.0 * (1.0 - share))
            .collect();
        let drift = share_drift(reference, &released, Level::NINETY_FIVE);
        let scanner = ScannerProfile::new("SIEMENS", "Force", "Br40d", 1.0, false).expect("all is known");
        DriftReport {
            schema: DRIFT_SCHEMA.to_owned(),
            windows: WINDOWS,
            bundle: None,
            significance: 0.01,
            cumulative_sum_limit: 5.0,
            without_scanner: 0,
            unreadable: 3,
            repeated: 0,
            other_bundle: 0,
            other_models: 0,
            profiles: vec![ProfileDrift {
                scanner,
                studies: 100 + last,
                quantities: vec![DriftedQuantity {
                    quantity: Quantity::Released,
                    drift,
                    plot: None,
                    share_plot: None,
                }],
            }],
        }
    }

    #[test]
    fn an_alarm_ends_with_what_it_was_about() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let value = |name: &str| {
            let text = handle.render();
            let line = text.lines().find(|line| line.starts_with(&format!("{name}{{")));
            line.and_then(|line| line.rsplit(' ').next()).map(str::to_owned)
        };
        let alarm = || value("norma_drift_alarm");
        metrics::with_local_recorder(&recorder, || {
            // Too few from the start: a scanner of a few files is no label.
            let compared = set_metrics(&report(10, 0.5), &BTreeSet::new());
            assert!(compared.is_empty() && alarm().is_none());
            assert!(handle.render().contains("norma_drift_unreadable 3"));
            let compared = set_metrics(&report(100, 0.5), &compared);
            assert_eq!(alarm().as_deref(), Some("0"));
            let compared = set_metrics(&report(100, 1.0), &compared);
            assert_eq!(alarm().as_deref(), Some("1"));
            let compared = set_metrics(&report(10, 1.0), &compared);
            assert!(compared.is_empty());
            assert_eq!(alarm().as_deref(), Some("NaN"));
            assert_eq!(value("norma_drift_last_share").as_deref(), Some("NaN"));
        });
    }
}
