//! A site's labelled studies: what is true of each, and what was answered.

mod answers;
mod reader_labels;
mod stream;
mod study;
mod table;

use std::collections::BTreeMap;
use std::path::Path;

use norma_accuracy::{ScoredStudy, one_study_per_patient};
use serde::Serialize;

use self::answers::Answers;
use self::study::count;
use super::installation::open;
use crate::command_line::Installation;

pub(crate) use self::stream::{Stream, StreamStudy};
pub(crate) use self::study::{Grouping, LabelledStudy, LeftOut};

/// Where labels come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LabelSource {
    Table,
    /// What readers said of answers in the page.
    Feedback,
}

/// All that is known of the labelled studies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LabelledSet {
    pub(crate) source: LabelSource,
    /// One per patient and label.
    pub(crate) studies: Vec<LabelledStudy>,
    pub(crate) left_out: BTreeMap<LeftOut, u64>,
}

impl LabelledSet {
    /// From a table, whose studies without a score are looked up in the database, or without one from what readers said.
    pub(crate) fn read(
        config: Option<&Path>,
        table: Option<&Path>,
        installation: &Installation,
    ) -> anyhow::Result<Self> {
        let mut left_out = BTreeMap::new();
        let (source, studies) = match table {
            Some(path) => {
                let rows = table::read(path)?;
                let studies = if rows.iter().all(table::LabelledRow::has_score) {
                    rows.into_iter().map(table::LabelledRow::into_study).collect()
                } else {
                    super::blocking::block_on(async {
                        let (database, settings) = open(config, installation).await?;
                        Answers::new(database, &settings)?
                            .of_rows(rows, &mut left_out)
                            .await
                    })?
                };
                (LabelSource::Table, studies)
            }
            None => {
                let studies = super::blocking::block_on(async {
                    let (database, settings) = open(config, installation).await?;
                    let answers = Answers::new(database, &settings)?;
                    reader_labels::studies(&answers, &mut left_out).await
                })?;
                (LabelSource::Feedback, studies)
            }
        };
        let studies = one_per_patient(studies, &mut left_out);
        Ok(Self {
            source,
            studies,
            left_out,
        })
    }

    /// Those with a score.
    pub(crate) fn scored(&self) -> Vec<ScoredStudy> {
        self.studies.iter().filter_map(LabelledStudy::scored).collect()
    }

    /// How many of a label have no score, because the answer is undetermined.
    pub(crate) fn undetermined(&self, pathology: bool) -> usize {
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
