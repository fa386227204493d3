//! The watch that a report worker keeps: metrics, and a line in the log when something new drifted.

use std::collections::BTreeSet;
use std::time::Duration;

use metrics::{describe_gauge, gauge};
use norma_accuracy::Drift;
use norma_service::Context;

use super::compare::{DriftReport, DriftWindows};
use super::observation::Observations;

const INTERVAL: Duration = Duration::from_secs(3600);
const WINDOWS: DriftWindows = DriftWindows {
    reference: 300,
    last: 100,
};
const NEWEST: u32 = 5000;

/// Looks every hour, until shutdown. Any number may run: each tells the same.
pub(crate) async fn run_drift_watch(context: Context) {
    describe_metrics();
    let mut observations = Observations::default();
    let (mut known, mut compared) = (BTreeSet::new(), BTreeSet::new());
    loop {
        match observations.refresh(&context.database, NEWEST).await {
            Ok(()) => {
                let report = DriftReport::of(&observations, WINDOWS);
                compared = set_metrics(&report, &compared);
                let drifted = drifted(&report);
                if let Some(told) = new_alarm(&known, &drifted) {
                    tracing::warn!(
                        drifted = told,
                        "studies are no longer distributed as they were: `norma drift` tells more"
                    );
                }
                known = drifted;
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "failed to look for drift"
                );
            }
        }
        tokio::select! {
            () = context.shutdown.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
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
                    values.index_p_value.min(values.kolmogorov_smirnov_p_value)
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

    use super::super::compare::{DriftedQuantity, ProfileDrift, Quantity};
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
            schema: "norma.drift/v1",
            windows: WINDOWS,
            bundle: None,
            significance: 0.01,
            without_scanner: 0,
            profiles: vec![ProfileDrift {
                scanner,
                studies: 100 + last,
                quantities: vec![DriftedQuantity {
                    quantity: Quantity::Released,
                    drift,
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
