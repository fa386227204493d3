//! The last window of each scanner profile beside the one before it.

use std::collections::{BTreeMap, BTreeSet};

use norma_accuracy::{
    DRIFT_VALUES_NEEDED, Drift, Level, Proportion, cumulative_sum_limit, share_drift, value_drift,
};
use norma_domain::{BundleReference, MeasureCode, ScannerProfile, Verdict};
use serde::{Deserialize, Serialize};

use super::observation::{Observation, Observations};
use super::plot::{DriftPlot, SharePlot};
use super::quantity::Quantity;

/// Value of [`DriftReport::schema`].
pub const DRIFT_SCHEMA: &str = "norma.drift/v2";

/// The chance of a false alarm in one look, over all that is compared in it.
const FALSE_ALARMS: f64 = 0.01;

/// Studies of each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DriftWindows {
    /// Before the last ones.
    pub reference: usize,
    pub last: usize,
}

/// `norma.drift/v2`. Without patient data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DriftReport {
    pub schema: String,
    pub windows: DriftWindows,
    /// Of the newest answer. Verdicts of other bundles are not compared, nor scores of other models. None without answers.
    pub bundle: Option<BundleReference>,
    /// A comparison alarms where chance explains it with less than this: so that one look in a hundred alarms by chance.
    pub significance: f64,
    /// The cumulative sum of a whole last window above which values have drifted, in standard deviations.
    pub cumulative_sum_limit: f64,
    /// Studies that do not tell their scanner; they are in no profile.
    pub without_scanner: usize,
    /// Answers that another version of Norma wrote in words that this one does not know; they are in no profile.
    #[serde(default)]
    pub unreadable: usize,
    /// Answers in no profile because their study was analysed again since, or a newer study of the patient on the same scanner counts.
    #[serde(default)]
    pub repeated: usize,
    /// Answers of another bundle than the newest answer's: their verdicts are in no comparison.
    #[serde(default)]
    pub other_bundle: usize,
    /// Those of them that other models gave: their scores are in no comparison either.
    #[serde(default)]
    pub other_models: usize,
    pub profiles: Vec<ProfileDrift>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProfileDrift {
    pub scanner: ScannerProfile,
    pub studies: usize,
    pub quantities: Vec<DriftedQuantity>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DriftedQuantity {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub quantity: Quantity,
    #[serde(flatten)]
    pub drift: Drift,
    /// Of values; None of shares, and where a window is empty.
    #[serde(default)]
    pub plot: Option<DriftPlot>,
    /// Of shares; None of values, and where a window is empty.
    #[serde(default)]
    pub share_plot: Option<SharePlot>,
}

impl DriftReport {
    pub fn of(observations: &Observations, windows: DriftWindows) -> Self {
        let newest = observations.newest_first().next();
        let bundle = newest.map(|observation| observation.bundle.clone());
        let scale = bundle.as_ref().map(|bundle| observations.scale_of(bundle));
        let of_scale = |one: &Observation| Some(observations.scale_of(&one.bundle)) == scale;
        let mut by_profile: BTreeMap<&ScannerProfile, Vec<&Observation>> = BTreeMap::new();
        let mut without_scanner = 0;
        for observation in observations.newest_first() {
            match &observation.scanner {
                Some(scanner) => by_profile.entry(scanner).or_default().push(observation),
                None => without_scanner += 1,
            }
        }
        let count =
            |is: &dyn Fn(&Observation) -> bool| observations.newest_first().filter(|one| is(one)).count();
        let other_bundle = count(&|one| Some(&one.bundle) != bundle.as_ref());
        let other_models = count(&|one| !of_scale(one));
        let watched: Vec<(&ScannerProfile, usize, Vec<WatchedQuantity>)> = by_profile
            .into_iter()
            .map(|(scanner, those)| {
                let quantities = quantities(&those, bundle.as_ref(), &of_scale, windows);
                (scanner, those.len(), quantities)
            })
            .collect();
        let quantities = watched.iter().flat_map(|(_, _, quantities)| quantities);
        let comparisons = quantities.filter(|quantity| quantity.is_compared()).count();
        let significance = FALSE_ALARMS / comparisons.max(1) as f64;
        let confidence = Level::new(1.0 - significance).expect("a small share is left");
        let profiles = watched
            .into_iter()
            .map(|(scanner, studies, quantities)| ProfileDrift {
                scanner: scanner.clone(),
                studies,
                quantities: quantities
                    .into_iter()
                    .map(|quantity| quantity.drift(confidence))
                    .collect(),
            })
            .collect();
        Self {
            schema: DRIFT_SCHEMA.to_owned(),
            windows,
            significance,
            cumulative_sum_limit: cumulative_sum_limit(windows.last, confidence),
            without_scanner,
            unreadable: observations.unreadable,
            repeated: observations.repeated,
            other_bundle,
            other_models,
            profiles,
            bundle,
        }
    }

    /// One that was stored; None where a version that tells other things wrote it.
    pub fn of_stored(stored: serde_json::Value) -> Option<Self> {
        let report: Self = serde_json::from_value(stored).ok()?;
        (report.schema == DRIFT_SCHEMA).then_some(report)
    }

    /// What drifted, of which scanner.
    pub fn drifted(&self) -> impl Iterator<Item = (&ScannerProfile, &DriftedQuantity)> {
        self.profiles.iter().flat_map(|profile| {
            let quantities = profile.quantities.iter();
            quantities
                .filter(|quantity| quantity.drift.has_drifted())
                .map(|quantity| (&profile.scanner, quantity))
        })
    }
}

/// A quantity's two windows before they are compared.
struct WatchedQuantity {
    quantity: Quantity,
    windows: Windows,
}

enum Windows {
    /// The oldest first.
    Values { reference: Vec<f64>, last: Vec<f64> },
    /// The last ones come oldest first.
    Shares { reference: Proportion, last: Vec<bool> },
}

impl WatchedQuantity {
    /// Whether both windows hold enough for a comparison.
    fn is_compared(&self) -> bool {
        match &self.windows {
            Windows::Values { reference, last } => reference.len().min(last.len()) >= DRIFT_VALUES_NEEDED,
            Windows::Shares { reference, last } => {
                reference.trials().min(last.len() as u64) >= DRIFT_VALUES_NEEDED as u64
            }
        }
    }

    fn drift(self, confidence: Level) -> DriftedQuantity {
        let quantity = self.quantity;
        match self.windows {
            Windows::Values { reference, last } => DriftedQuantity {
                quantity,
                drift: value_drift(&reference, &last, confidence),
                plot: DriftPlot::of(&reference, &last),
                share_plot: None,
            },
            Windows::Shares { reference, last } => DriftedQuantity {
                quantity,
                drift: share_drift(reference, &last, confidence),
                plot: None,
                share_plot: SharePlot::of(reference, &last, confidence),
            },
        }
    }
}

/// `those` newest first.
fn quantities(
    those: &[&Observation],
    bundle: Option<&BundleReference>,
    of_scale: &dyn Fn(&Observation) -> bool,
    windows: DriftWindows,
) -> Vec<WatchedQuantity> {
    let of_bundle = || those.iter().filter(|one| Some(&one.bundle) == bundle);
    let of_models = those.iter().filter(|one| of_scale(one));
    let verdicts = |verdict: Verdict| of_bundle().map(move |one| one.verdict == verdict).collect();
    let shares: [(Quantity, Vec<bool>); 3] = [
        (Quantity::Released, verdicts(Verdict::Norm)),
        (Quantity::Undetermined, verdicts(Verdict::Undetermined)),
        (
            Quantity::FailedQuality,
            those.iter().map(|one| one.failed_quality).collect(),
        ),
    ];
    let codes: BTreeSet<MeasureCode> = those
        .iter()
        .flat_map(|one| one.measures.iter().map(|(code, _)| *code))
        .collect();
    let measures = codes.into_iter().map(|code| {
        let of_code = those
            .iter()
            .filter_map(|one| one.measures.iter().find(|(known, _)| *known == code));
        (
            Quantity::Measure(code),
            of_code.map(|(_, value)| *value).collect(),
        )
    });
    let scores: Vec<f64> = of_models.filter_map(|one| one.score).collect();
    let values = std::iter::once((Quantity::Score, scores)).chain(measures);
    let values = values.map(|(quantity, values): (Quantity, Vec<f64>)| {
        let (reference, last) = split(&values, windows);
        let oldest_first = |values: &[f64]| values.iter().rev().copied().collect::<Vec<f64>>();
        WatchedQuantity {
            quantity,
            windows: Windows::Values {
                reference: oldest_first(reference),
                last: oldest_first(last),
            },
        }
    });
    let shares = shares.into_iter().map(|(quantity, answers)| {
        let (reference, last) = split(&answers, windows);
        WatchedQuantity {
            quantity,
            windows: Windows::Shares {
                reference: Proportion::counted(reference, |is_so| **is_so),
                last: last.iter().rev().copied().collect(),
            },
        }
    });
    let mut found: Vec<WatchedQuantity> = values.chain(shares).collect();
    found.sort_by_key(|one| one.quantity);
    found
}

/// Reference and last window of what comes newest first.
fn split<T>(newest_first: &[T], windows: DriftWindows) -> (&[T], &[T]) {
    let (last, before) = newest_first.split_at(windows.last.min(newest_first.len()));
    (&before[..windows.reference.min(before.len())], last)
}
