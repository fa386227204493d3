//! A study with its label, and why one is left out.

use std::collections::BTreeMap;

use norma_accuracy::ScoredStudy;
use norma_domain::{ScanId, ScannerProfile};
use serde::{Deserialize, Serialize};

/// A study with what is true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledStudy {
    /// As the table names it, or the scan's id. May identify: for the answer that was asked for, never for a log or an error.
    pub name: String,
    pub scan_id: Option<ScanId>,
    /// Whether it is pathology.
    pub pathology: bool,
    /// The probability of pathology; 1 where what was measured decided, at whichever threshold. None where the answer is undetermined.
    pub score: Option<f64>,
    /// The probability that was told beside the answer; None where there was none, or no answer.
    pub probability: Option<f64>,
    /// A norm that was withheld because its threshold is not verified, and for nothing else.
    pub is_withheld: bool,
    /// Studies with the same text are of one patient.
    pub patient: Option<String>,
    pub profile: Option<ScannerProfile>,
    /// Groups by which accuracy is told apart, as far as they are known.
    pub groups: BTreeMap<Grouping, String>,
}

/// By what studies are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Grouping {
    Scanner,
    Sex,
    AgeBand,
    Pathology,
}

/// Why studies are not among those that figures rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LeftOut {
    /// No completed analysis of it is in the database.
    NoAnswer,
    /// Answered with another bundle: its probability is on another scale.
    OtherBundle,
    /// Another version of Norma wrote its report in words that this one does not know.
    Unreadable,
    /// Readers contradict each other, or one contradicts itself.
    ReadersDisagree,
    /// The answer is undetermined and no reader said what is true.
    NoLabel,
    /// Another study of the patient with the same label is harder.
    SamePatient,
}

impl LeftOut {
    /// After a number of studies.
    pub fn told(self) -> &'static str {
        match self {
            Self::NoAnswer => "without a completed analysis",
            Self::OtherBundle => "answered with another bundle",
            Self::Unreadable => {
                "whose report another version of Norma wrote in words that this one does not know"
            }
            Self::ReadersDisagree => "on which readers disagree",
            Self::NoLabel => "without a label",
            Self::SamePatient => "of a patient of whom a harder study counts",
        }
    }
}

impl LabelledStudy {
    /// The study with the probability that was told; what was measured is no probability.
    pub fn told(&self) -> Option<ScoredStudy> {
        let study = ScoredStudy::new(self.probability?, self.pathology);
        Some(study.expect("the table checked its scores, and a report's are probabilities"))
    }

    /// Whether what was measured decided, above every threshold.
    pub fn is_decided_by_measures(&self) -> bool {
        self.score.is_some() && self.score != self.probability
    }

    /// The study with its score; None without an answer.
    pub fn scored(&self) -> Option<ScoredStudy> {
        let study = ScoredStudy::new(self.score?, self.pathology);
        Some(study.expect("the table checked its scores, and a report's are probabilities"))
    }
}

pub(crate) fn count(left_out: &mut BTreeMap<LeftOut, u64>, why: LeftOut, studies: usize) {
    if studies > 0 {
        *left_out.entry(why).or_default() += studies as u64;
    }
}

/// Ten years each, whole below 18 and from 80.
pub fn age_band_of(years: u16) -> String {
    match years {
        0..18 => "0–17".to_owned(),
        18..30 => "18–29".to_owned(),
        30..80 => format!("{0}–{1}", years / 10 * 10, years / 10 * 10 + 9),
        80.. => "80+".to_owned(),
    }
}
