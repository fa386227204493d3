//! `norma.threshold_proposal/v1`.

use std::collections::BTreeMap;

use norma_accuracy::{Proportion, StreamAtThreshold, ThresholdFit, UnlabelledFit};
use norma_domain::{BundleReference, OperatingPoint, ScanId, ScannerProfile, Verdict};
use serde::{Deserialize, Serialize};

use crate::{LabelSource, LeftOut};

/// Value of [`Proposal::schema`].
pub const PROPOSAL_SCHEMA: &str = "norma.threshold_proposal/v1";

/// From what thresholds are learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FitMethod {
    /// The newest answers, of which nobody said what is true.
    Unlabelled,
    /// Studies with what is true of them.
    Labelled,
}

impl FitMethod {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unlabelled => "unlabelled",
            Self::Labelled => "labelled",
        }
    }
}

/// What has to hold for a bound to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Assumption {
    /// Of pathologies no larger share scores below a threshold than of norms.
    Order,
    /// No more of the studies than the maximal prevalence are pathology; for released norms alone.
    Prevalence,
    /// Further studies are drawn as these were, and undetermined answers stay undetermined.
    Independence,
    /// Studies that were judged are like those that were not.
    Judged,
}

impl Assumption {
    /// As a person reads it.
    pub const fn told(self) -> &'static str {
        match self {
            Self::Order => "of pathologies no larger share scores below a threshold than of norms",
            Self::Prevalence => {
                "no more of the studies than the maximal prevalence are pathology (for released norms alone)"
            }
            Self::Independence => {
                "further studies are drawn as these were, and undetermined answers stay undetermined"
            }
            Self::Judged => "studies with a label are like those without one",
        }
    }
}

/// Thresholds for scanner profiles, with what they are known to do. Names studies by their scans' ids alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Proposal {
    pub schema: String,
    pub method: FitMethod,
    /// Of a labelled fit.
    pub label_source: Option<LabelSource>,
    /// The bundle that it is measured against.
    pub bundle: BundleReference,
    /// Its operating point, with the threshold of scanners that have none of their own.
    pub operating_point_in_use: OperatingPoint,
    pub target_sensitivity: f64,
    pub confidence: f64,
    /// Of an unlabelled fit.
    pub maximal_prevalence: Option<f64>,
    pub assumptions: Vec<Assumption>,
    /// Of the newest answers those with a score, one per patient and scanner profile.
    pub studies: usize,
    pub undetermined: u64,
    /// In no profile: their files do not tell a scanner, so they may be of several.
    pub without_scanner: usize,
    /// Of the newest answers, and of the labels.
    pub left_out: BTreeMap<LeftOut, u64>,
    pub profiles: Vec<ProfileProposal>,
}

/// What is proposed for one scanner, used like this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProfileProposal {
    pub scanner: ScannerProfile,
    /// Of the newest answers.
    pub studies: usize,
    pub threshold_in_use: f64,
    /// The scanner has a threshold of its own already.
    pub in_use_is_own: bool,
    /// Pathologies that readers named. To a fit without labels they can only refuse a threshold.
    pub known_pathologies: usize,
    #[cfg_attr(feature = "openapi", schema(inline = false))]
    pub unlabelled: Option<UnlabelledFit>,
    pub labelled: Option<LabelledFit>,
    /// The threshold that is proposed for this scanner and no other; None where none has the bound, and where it is in use already.
    pub threshold: Option<f64>,
    /// What the studies allow is in use already: nothing is proposed.
    #[serde(default)]
    pub already_in_use: bool,
    /// Of the newest answers those that are released at the threshold in use, and at the proposed one.
    pub released_before: Proportion,
    pub released_after: Option<Proportion>,
    /// What the stream without labels bounds at the threshold in use, and at the proposed one.
    pub before: Option<StreamAtThreshold>,
    pub after: Option<StreamAtThreshold>,
    /// Of the newest answers those with another verdict at the proposed threshold.
    pub changes: Vec<VerdictChange>,
}

/// Why nothing is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum NothingProposed {
    /// What the studies allow is in use, of every scanner that has a threshold with the bound.
    AlreadyInUse,
    /// No scanner has a threshold with the bound that is asked for.
    NoBound,
}

impl NothingProposed {
    /// As a person reads it.
    pub const fn told(self) -> &'static str {
        match self {
            Self::AlreadyInUse => "the thresholds that the studies allow are already in use",
            Self::NoBound => "no scanner has a threshold with the bound that is asked for",
        }
    }
}

/// What labelled studies of one scanner allow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelledFit {
    pub fit: ThresholdFit,
    /// At the threshold in use.
    pub sensitivity_before: Proportion,
    pub specificity_before: Proportion,
}

/// A study that another threshold gives another verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerdictChange {
    pub scan_id: ScanId,
    pub before: Verdict,
    pub after: Verdict,
}

impl Proposal {
    /// Whether a threshold is proposed for any scanner.
    pub fn proposes(&self) -> bool {
        self.nothing_proposed().is_none()
    }

    /// Why no scanner's threshold is proposed; None where one is.
    pub fn nothing_proposed(&self) -> Option<NothingProposed> {
        if self.profiles.iter().any(|profile| profile.threshold.is_some()) {
            None
        } else if self.profiles.iter().any(|profile| profile.already_in_use) {
            Some(NothingProposed::AlreadyInUse)
        } else {
            Some(NothingProposed::NoBound)
        }
    }
}
