//! Where the answers of two bundles differ.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use norma_accuracy::{Level, Proportion};
use norma_domain::{AnalysisId, BundleReference, ScanId, ScannerProfile, Verdict};
use serde::{Deserialize, Serialize};

use super::answer::{GivenAnswer, ShadowAnswer};

/// The newest studies with another verdict that are named.
const NAMED_STUDIES: usize = 100;

/// One pair of bundles: the shown one and the second. After thresholds were accepted the shown one is another bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShadowComparison {
    pub shown: BundleReference,
    pub shadow: BundleReference,
    /// When the first and the last of these studies was read by the second bundle.
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Studies to which both gave the same verdict, of all that both read. Of a study that was analysed again the newest answer counts.
    pub agree: Proportion,
    /// Of the share that agrees, Clopper–Pearson with confidence 95 %.
    pub agree_interval: [f64; 2],
    /// Studies by both verdicts; pairs without a study are left out.
    pub verdicts: Vec<VerdictPair>,
    /// By how much the second bundle's probability of pathology lies higher, half of the studies below; None where no study has both.
    pub median_probability_change: Option<f64>,
    /// The most telling profiles first: by the number of studies with another verdict.
    pub profiles: Vec<ProfileAgreement>,
    /// The newest studies with another verdict, at most a hundred.
    pub differing: Vec<DifferingStudy>,
}

/// Studies with these verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerdictPair {
    pub shown: Verdict,
    pub shadow: Verdict,
    pub studies: u64,
}

/// The same of one scanner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProfileAgreement {
    /// Null: studies that do not tell their scanner.
    pub scanner: Option<ScannerProfile>,
    pub agree: Proportion,
    pub verdicts: Vec<VerdictPair>,
}

/// A study with another verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DifferingStudy {
    pub scan_id: ScanId,
    pub analysis_id: AnalysisId,
    pub scanner: Option<ScannerProfile>,
    pub shown: GivenAnswer,
    pub shadow: GivenAnswer,
    pub read_at: DateTime<Utc>,
}

/// A study that both read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compared {
    pub(super) scan_id: ScanId,
    pub(super) analysis_id: AnalysisId,
    pub(super) read_at: DateTime<Utc>,
    pub(super) answer: ShadowAnswer,
}

/// Each pair of bundles by itself, the pair of the newest study first, and how many answers do not count because their study was analysed
/// again with the same pair. Studies come newest first.
pub(super) fn comparisons(newest_first: Vec<Compared>) -> (Vec<ShadowComparison>, u64) {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    let mut repeated = 0;
    for study in newest_first {
        let ShadowAnswer { shown, shadow, .. } = &study.answer;
        let bundles = (shown.bundle.sha256.clone(), shadow.bundle.sha256.clone());
        let place = *places.entry(bundles).or_insert(pairs.len());
        if place == pairs.len() {
            pairs.push(Pair::default());
        }
        let pair = &mut pairs[place];
        if pair.scans.insert(study.scan_id) {
            pair.studies.push(study);
        } else {
            repeated += 1;
        }
    }
    let comparisons = pairs.iter().filter_map(|pair| comparison(&pair.studies));
    (comparisons.collect(), repeated)
}

#[derive(Default)]
struct Pair {
    studies: Vec<Compared>,
    scans: HashSet<ScanId>,
}

/// None without studies.
fn comparison(studies: &[Compared]) -> Option<ShadowComparison> {
    let newest = studies.first()?;
    let agree = agree(studies.iter());
    let mut by_scanner: BTreeMap<Option<&ScannerProfile>, Vec<&Compared>> = BTreeMap::new();
    for study in studies {
        let scanner = study.answer.scanner.as_ref();
        by_scanner.entry(scanner).or_default().push(study);
    }
    let of_scanner = by_scanner.into_iter().map(|(scanner, those)| ProfileAgreement {
        scanner: scanner.cloned(),
        agree: self::agree(those.iter().copied()),
        verdicts: verdicts(those.iter().copied()),
    });
    let mut profiles: Vec<ProfileAgreement> = of_scanner.collect();
    profiles.sort_by_key(|profile| std::cmp::Reverse(profile.agree.failures()));
    let mut changes: Vec<f64> = studies
        .iter()
        .filter_map(|study| study.answer.probability_change())
        .collect();
    changes.sort_unstable_by(f64::total_cmp);
    Some(ShadowComparison {
        shown: newest.answer.shown.bundle.clone(),
        shadow: newest.answer.shadow.bundle.clone(),
        from: studies.iter().map(|study| study.read_at).min()?,
        to: studies.iter().map(|study| study.read_at).max()?,
        agree,
        agree_interval: agree.interval(Level::NINETY_FIVE)?,
        verdicts: verdicts(studies.iter()),
        median_probability_change: changes.get(changes.len() / 2).copied(),
        profiles,
        differing: studies
            .iter()
            .filter(|study| study.answer.differs())
            .take(NAMED_STUDIES)
            .map(DifferingStudy::from)
            .collect(),
    })
}

fn agree<'a>(studies: impl Iterator<Item = &'a Compared>) -> Proportion {
    Proportion::counted(studies, |study| !study.answer.differs())
}

fn verdicts<'a>(studies: impl Iterator<Item = &'a Compared>) -> Vec<VerdictPair> {
    let mut pairs: Vec<VerdictPair> = Vec::new();
    for study in studies {
        let (shown, shadow) = (study.answer.shown.verdict, study.answer.shadow.verdict);
        match pairs
            .iter_mut()
            .find(|pair| (pair.shown, pair.shadow) == (shown, shadow))
        {
            Some(pair) => pair.studies += 1,
            None => pairs.push(VerdictPair {
                shown,
                shadow,
                studies: 1,
            }),
        }
    }
    pairs.sort_by_key(|pair| (pair.shown.as_str(), pair.shadow.as_str()));
    pairs
}

impl From<&Compared> for DifferingStudy {
    fn from(study: &Compared) -> Self {
        let ShadowAnswer {
            scanner,
            shown,
            shadow,
            ..
        } = study.answer.clone();
        Self {
            scan_id: study.scan_id,
            analysis_id: study.analysis_id,
            scanner,
            shown,
            shadow,
            read_at: study.read_at,
        }
    }
}

#[cfg(test)]
mod tests;
