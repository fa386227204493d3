//! The last window of each scanner profile beside the one before it.

use std::collections::{BTreeMap, BTreeSet};

use norma_accuracy::{Drift, Level, Proportion, cumulative_sum_limit, share_drift, value_drift};
use norma_domain::{BundleReference, MeasureCode, ScannerProfile, Verdict};
use serde::{Deserialize, Serialize};

use super::observation::{Observation, Observations};
use super::plot::DriftPlot;
use super::quantity::Quantity;

/// Value of [`DriftReport::schema`].
pub const DRIFT_SCHEMA: &str = "norma.drift/v1";

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

/// `norma.drift/v1`. Without patient data.
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
        let compared = |confidence: Level| -> Vec<ProfileDrift> {
            by_profile
                .iter()
                .map(|(scanner, those)| ProfileDrift {
                    scanner: (*scanner).clone(),
                    studies: those.len(),
                    quantities: quantities(those, bundle.as_ref(), &of_scale, windows, confidence),
                })
                .collect()
        };
        // How many comparisons there are follows from the windows' sizes alone.
        let comparisons = comparisons(&compared(Level::NINETY_FIVE));
        let significance = FALSE_ALARMS / comparisons.max(1) as f64;
        let confidence = Level::new(1.0 - significance).expect("a small share is left");
        Self {
            schema: DRIFT_SCHEMA.to_owned(),
            windows,
            significance,
            cumulative_sum_limit: cumulative_sum_limit(windows.last, confidence),
            without_scanner,
            profiles: compared(confidence),
            bundle,
        }
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

fn comparisons(profiles: &[ProfileDrift]) -> usize {
    let all = profiles.iter().flat_map(|profile| &profile.quantities);
    all.filter(|quantity| !matches!(quantity.drift, Drift::TooFew { .. }))
        .count()
}

/// `those` newest first.
fn quantities(
    those: &[&Observation],
    bundle: Option<&BundleReference>,
    of_scale: &dyn Fn(&Observation) -> bool,
    windows: DriftWindows,
    confidence: Level,
) -> Vec<DriftedQuantity> {
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
        let (reference, last) = (oldest_first(reference), oldest_first(last));
        DriftedQuantity {
            quantity,
            drift: value_drift(&reference, &last, confidence),
            plot: DriftPlot::of(&reference, &last),
        }
    });
    let shares = shares.into_iter().map(|(quantity, answers)| {
        let (reference, last) = split(&answers, windows);
        let share = |of: &[bool]| Proportion::counted(of, |is_so| **is_so);
        DriftedQuantity {
            quantity,
            drift: share_drift(share(reference), share(last), confidence),
            plot: None,
        }
    });
    let mut found: Vec<DriftedQuantity> = values.chain(shares).collect();
    found.sort_by_key(|one| one.quantity);
    found
}

/// Reference and last window of what comes newest first.
fn split<T>(newest_first: &[T], windows: DriftWindows) -> (&[T], &[T]) {
    let (last, before) = newest_first.split_at(windows.last.min(newest_first.len()));
    (&before[..windows.reference.min(before.len())], last)
}
