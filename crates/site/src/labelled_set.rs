//! A site's labelled studies, one per patient and label.

use std::collections::BTreeMap;

use norma_accuracy::{ScoredStudy, one_study_per_patient};
use norma_database::DatabaseError;
use serde::{Deserialize, Serialize};

use crate::answers::Answers;
use crate::reader_labels::ReaderLabels;
use crate::study::{LabelledStudy, LeftOut, count};

/// Where labels come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LabelSource {
    Table,
    /// What readers said of answers in the page.
    Feedback,
}

/// All that is known of the labelled studies.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledSet {
    pub source: LabelSource,
    /// One per patient and label.
    pub studies: Vec<LabelledStudy>,
    pub left_out: BTreeMap<LeftOut, u64>,
}

impl LabelledSet {
    /// From a table that tells each study's score.
    pub fn of_table(studies: Vec<LabelledStudy>) -> Self {
        Self::of(LabelSource::Table, studies, BTreeMap::new())
    }

    /// From a table whose studies are looked up by their names.
    pub async fn of_names(answers: &Answers, studies: Vec<LabelledStudy>) -> Result<Self, DatabaseError> {
        let mut left_out = BTreeMap::new();
        let studies = answers.of_studies(studies, &mut left_out).await?;
        Ok(Self::of(LabelSource::Table, studies, left_out))
    }

    /// From what readers said of answers.
    pub async fn of_readers(answers: &Answers) -> Result<Self, DatabaseError> {
        let labels = ReaderLabels::read(answers).await?;
        Ok(Self::of(LabelSource::Feedback, labels.studies, labels.left_out))
    }

    fn of(source: LabelSource, studies: Vec<LabelledStudy>, mut left_out: BTreeMap<LeftOut, u64>) -> Self {
        Self {
            source,
            studies: one_per_patient(studies, &mut left_out),
            left_out,
        }
    }

    /// Those with a score.
    pub fn scored(&self) -> Vec<ScoredStudy> {
        self.studies.iter().filter_map(LabelledStudy::scored).collect()
    }

    /// How many of a label have no score, because the answer is undetermined.
    pub fn undetermined(&self, pathology: bool) -> usize {
        let studies = self.studies.iter();
        studies
            .filter(|study| study.pathology == pathology && study.score.is_none())
            .count()
    }
}

/// Studies without a score stay: they are counted, not computed with.
fn one_per_patient(studies: Vec<LabelledStudy>, left_out: &mut BTreeMap<LeftOut, u64>) -> Vec<LabelledStudy> {
    let (scored, unscored): (Vec<LabelledStudy>, Vec<LabelledStudy>) =
        studies.into_iter().partition(|study| study.score.is_some());
    let pairs: Vec<(ScoredStudy, Option<&str>)> = scored
        .iter()
        .filter_map(|study| Some((study.scored()?, study.patient.as_deref())))
        .collect();
    let kept = one_study_per_patient(&pairs);
    count(left_out, LeftOut::SamePatient, scored.len() - kept.len());
    kept.into_iter()
        .map(|place| scored[place].clone())
        .chain(unscored)
        .collect()
}
