//! The figures of an evaluation.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use norma_accuracy::{
    Level, PredictiveValues, Proportion, Reliability, RocArea, RocPoint, ScoredStudy, predictive_values,
    reliability, roc_area, roc_curve,
};
use norma_domain::{BundleReference, OperatingPoint, OperatingPointName};
use norma_inference::{Bundle, OperatingPointFigures};
use serde::Serialize;

use norma_site::{Grouping, LabelSource, LabelledSet, LabelledStudy, LeftOut};

const RELIABILITY_BINS: usize = 10;
/// Shares of pathology for which predictive values are told.
const PREVALENCES: [f64; 3] = [0.05, 0.1, 0.3];

/// `norma.evaluation/v1`. Intervals are at 95 %: of proportions by Clopper and Pearson, of areas as they say.
#[derive(Debug, Serialize)]
pub(super) struct Evaluation {
    pub(super) schema: &'static str,
    pub(super) made_at: DateTime<Utc>,
    pub(super) norma_version: &'static str,
    pub(super) bundle: BundleReference,
    pub(super) label_source: LabelSource,
    pub(super) flow: Flow,
    pub(super) roc: Option<RocArea>,
    pub(super) roc_curve: Vec<RocPoint>,
    pub(super) default_operating_point: OperatingPointName,
    pub(super) operating_points: Vec<PointAccuracy>,
    pub(super) reliability: Option<Reliability>,
    /// At the default operating point.
    pub(super) groups: Vec<GroupAccuracy>,
    /// Pathologies below the default operating point's threshold, the lowest score first.
    pub(super) misses: Vec<Miss>,
}

/// Where the studies went (STARD 2015, item 19).
#[derive(Debug, Serialize)]
pub(super) struct Flow {
    pub(super) pathologies: usize,
    pub(super) norms: usize,
    /// Without a verdict: in no figure but those that say so.
    pub(super) undetermined_pathologies: usize,
    pub(super) undetermined_norms: usize,
    /// With a verdict of pathology by what was measured: above every threshold, in the curve and at each point. They are in no
    /// figure on probabilities but with the one that was told beside.
    pub(super) decided_by_measures: usize,
    /// Norms that were withheld for their threshold alone: counted by their probability, as if the threshold were verified.
    pub(super) withheld: usize,
    pub(super) left_out: BTreeMap<LeftOut, u64>,
}

/// A share with its interval.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Estimate {
    #[serde(flatten)]
    pub(super) of: Proportion,
    pub(super) value: Option<f64>,
    pub(super) interval: Option<[f64; 2]>,
}

impl From<Proportion> for Estimate {
    fn from(of: Proportion) -> Self {
        Self {
            of,
            value: of.value(),
            interval: of.interval(Level::NINETY_FIVE),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct PointAccuracy {
    pub(super) name: OperatingPointName,
    /// Of scanners that have none of their own.
    pub(super) threshold: f64,
    /// Scanners that are held to a threshold of their own, here too.
    pub(super) own_thresholds: usize,
    pub(super) sensitivity: Estimate,
    pub(super) specificity: Estimate,
    /// Of all pathologies those that were called pathology, an undetermined answer being no find.
    pub(super) found_of_all: Estimate,
    /// Of all norms those that were released, an undetermined answer being no release.
    pub(super) released_of_all: Estimate,
    pub(super) predictive_values: Vec<PredictiveValues>,
}

#[derive(Debug, Serialize)]
pub(super) struct GroupAccuracy {
    pub(super) by: Grouping,
    pub(super) group: String,
    pub(super) roc: Option<RocArea>,
    pub(super) sensitivity: Estimate,
    pub(super) specificity: Estimate,
    pub(super) undetermined: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Miss {
    pub(super) study: String,
    pub(super) score: f64,
    pub(super) groups: BTreeMap<Grouping, String>,
    /// The study in the page, where it is in the database.
    pub(super) href: Option<String>,
}

impl Evaluation {
    pub(super) fn of(set: &LabelledSet, bundle: &Bundle, in_use: OperatingPoint, base_url: &str) -> Self {
        let studies = set.scored();
        let default = bundle
            .figures_of(&in_use.name)
            .expect("the point in use was found in the bundle");
        let told: Vec<ScoredStudy> = set.studies.iter().filter_map(LabelledStudy::told).collect();
        let count = |is: fn(&LabelledStudy) -> bool| set.studies.iter().filter(|study| is(study)).count();
        let pathologies = studies.iter().filter(|study| study.pathology()).count();
        let flow = Flow {
            pathologies,
            norms: studies.len() - pathologies,
            undetermined_pathologies: set.undetermined(true),
            undetermined_norms: set.undetermined(false),
            decided_by_measures: count(LabelledStudy::is_decided_by_measures),
            withheld: count(|study| study.is_withheld),
            left_out: set.left_out.clone(),
        };
        Self {
            schema: "norma.evaluation/v1",
            made_at: Utc::now(),
            norma_version: env!("CARGO_PKG_VERSION"),
            bundle: bundle.reference().clone(),
            label_source: set.source,
            roc: roc_area(&studies, Level::NINETY_FIVE),
            roc_curve: roc_curve(&studies),
            default_operating_point: in_use.name,
            operating_points: bundle
                .operating_points()
                .iter()
                .map(|point| point_accuracy(point, &set.studies, &flow))
                .collect(),
            reliability: reliability(&told, RELIABILITY_BINS, Level::NINETY_FIVE),
            groups: groups(&set.studies, default),
            misses: misses(&set.studies, default, base_url),
            flow,
        }
    }
}

/// Whether the study is called pathology; None without an answer.
fn reaches(study: &LabelledStudy, point: &OperatingPointFigures) -> Option<bool> {
    let threshold = point.threshold_on(study.profile.as_ref());
    Some(study.scored()?.reaches(threshold.value()))
}

/// Sensitivity and specificity, each study held to the threshold of its scanner.
fn at_point<'a>(
    studies: impl IntoIterator<Item = &'a LabelledStudy>,
    point: &OperatingPointFigures,
) -> [Proportion; 2] {
    let called = studies.into_iter();
    let called: Vec<(bool, bool)> = called
        .filter_map(|study| Some((study.pathology, reaches(study, point)?)))
        .collect();
    [true, false].map(|pathology| {
        let those = called.iter().filter(|(is, _)| *is == pathology);
        Proportion::counted(those, |(_, reaches)| *reaches == pathology)
    })
}

fn point_accuracy(point: &OperatingPointFigures, studies: &[LabelledStudy], flow: &Flow) -> PointAccuracy {
    let [sensitivity, specificity] = at_point(studies, point);
    let with = |those: Proportion, undetermined: usize| {
        Proportion::new(those.successes(), those.trials() + undetermined as u64)
            .expect("more trials leave no fewer than the successes")
    };
    PointAccuracy {
        name: point.name.clone(),
        threshold: point.threshold.value(),
        own_thresholds: point.by_scanner.len(),
        sensitivity: sensitivity.into(),
        specificity: specificity.into(),
        found_of_all: with(sensitivity, flow.undetermined_pathologies).into(),
        released_of_all: with(specificity, flow.undetermined_norms).into(),
        predictive_values: PREVALENCES
            .iter()
            .filter_map(|prevalence| {
                let prevalence = Level::new(*prevalence).ok()?;
                predictive_values(sensitivity, specificity, prevalence, Level::NINETY_FIVE)
            })
            .collect(),
    }
}

fn groups(studies: &[LabelledStudy], point: &OperatingPointFigures) -> Vec<GroupAccuracy> {
    let names: BTreeSet<(Grouping, &String)> = studies
        .iter()
        .flat_map(|study| study.groups.iter().map(|(by, group)| (*by, group)))
        .collect();
    names
        .into_iter()
        .map(|(by, group)| {
            let those: Vec<&LabelledStudy> = studies
                .iter()
                .filter(|study| study.groups.get(&by) == Some(group))
                .collect();
            let scored: Vec<ScoredStudy> = those.iter().filter_map(|study| study.scored()).collect();
            let [sensitivity, specificity] = at_point(those.iter().copied(), point);
            GroupAccuracy {
                by,
                group: group.clone(),
                roc: roc_area(&scored, Level::NINETY_FIVE),
                sensitivity: sensitivity.into(),
                specificity: specificity.into(),
                undetermined: those.len() - scored.len(),
            }
        })
        .collect()
}

fn misses(studies: &[LabelledStudy], point: &OperatingPointFigures, base_url: &str) -> Vec<Miss> {
    let mut misses: Vec<Miss> = studies
        .iter()
        .filter_map(|study| {
            let score = study
                .scored()
                .filter(|scored| scored.pathology() && reaches(study, point) == Some(false))?;
            Some(Miss {
                study: study.name.clone(),
                score: score.score(),
                groups: study.groups.clone(),
                href: study.scan_id.map(|id| format!("{base_url}/studies/{id}")),
            })
        })
        .collect();
    misses.sort_by(|one, other| one.score.total_cmp(&other.score));
    misses
}
