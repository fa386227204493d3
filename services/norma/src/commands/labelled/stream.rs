//! The newest answers of a site, without labels.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use anyhow::Context as _;
use norma_domain::{ScanId, ScannerProfile};

use super::answers::Answers;
use super::study::{LeftOut, count};
use crate::command_line::Installation;
use crate::commands::installation::open;

/// A study with a score, of which nobody said what is true.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StreamStudy {
    pub(crate) scan_id: ScanId,
    /// The probability of pathology; 1 where what was measured decided.
    pub(crate) score: f64,
    pub(crate) profile: Option<ScannerProfile>,
}

/// What was answered to the newest studies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stream {
    /// One per patient and scanner profile: the one with the lowest score.
    pub(crate) studies: Vec<StreamStudy>,
    pub(crate) undetermined: u64,
    pub(crate) left_out: BTreeMap<LeftOut, u64>,
}

impl Stream {
    /// The newest answers of the running bundle, at most `limit` of them before some are left out.
    pub(crate) fn read(
        config: Option<&Path>,
        installation: &Installation,
        limit: u32,
    ) -> anyhow::Result<Self> {
        crate::commands::blocking::block_on(async {
            let (database, settings) = open(config, installation).await?;
            let answers = Answers::new(database, &settings)?;
            Self::of(&answers, limit).await
        })
    }

    async fn of(answers: &Answers, limit: u32) -> anyhow::Result<Self> {
        let newest = answers.database.newest_answers(limit).await;
        let newest = newest.context("failed to list the answers")?;
        let (mut left_out, mut undetermined) = (BTreeMap::new(), 0);
        let mut seen = HashSet::new();
        let mut studies: Vec<StreamStudy> = Vec::new();
        let mut of_patient: HashMap<(String, Option<ScannerProfile>), usize> = HashMap::new();
        for about in newest {
            if seen.contains(&about.scan_id) {
                continue;
            }
            let answer = match answers.of_study(&[about]).await? {
                Err(why) => {
                    count(&mut left_out, why, 1);
                    continue;
                }
                Ok(answer) => answer,
            };
            seen.insert(answer.scan_id);
            let Some(score) = answer.score else {
                undetermined += 1;
                continue;
            };
            let study = StreamStudy {
                scan_id: answer.scan_id,
                score,
                profile: answer.profile,
            };
            let place = answer.patient.map_or(studies.len(), |patient| {
                let on_scanner = (patient, study.profile.clone());
                *of_patient.entry(on_scanner).or_insert(studies.len())
            });
            let Some(known) = studies.get_mut(place) else {
                studies.push(study);
                continue;
            };
            count(&mut left_out, LeftOut::SamePatient, 1);
            if study.score < known.score {
                *known = study;
            }
        }
        Ok(Self {
            studies,
            undetermined,
            left_out,
        })
    }
}
