//! The newest answers of a site, without labels.

use std::collections::{BTreeMap, HashMap, HashSet};

use norma_database::{AnsweredStudy, DatabaseError};
use norma_domain::{ScanId, ScannerProfile};

use crate::answers::{Answers, REPORTS_AT_ONCE};
use crate::study::{LeftOut, count};

/// A study with a score, of which nobody said what is true.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamStudy {
    pub scan_id: ScanId,
    /// The probability of pathology; 1 where what was measured decided.
    pub score: f64,
    pub profile: Option<ScannerProfile>,
}

/// What was answered to the newest studies.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stream {
    /// One per patient and scanner profile: the one with the lowest score.
    pub studies: Vec<StreamStudy>,
    pub undetermined: u64,
    pub left_out: BTreeMap<LeftOut, u64>,
}

impl Stream {
    /// The newest answers of the bundle's models, at most `limit` of them before some are left out.
    pub(crate) async fn read(answers: &Answers, limit: u32) -> Result<Self, DatabaseError> {
        let newest = answers.database.newest_answers(limit).await?;
        let (mut left_out, mut undetermined) = (BTreeMap::new(), 0);
        let mut seen = HashSet::new();
        let mut studies: Vec<StreamStudy> = Vec::new();
        let mut of_patient: HashMap<(String, Option<ScannerProfile>), usize> = HashMap::new();
        for part in newest.chunks(REPORTS_AT_ONCE) {
            let wanted: Vec<[AnsweredStudy; 1]> = part
                .iter()
                .filter(|about| !seen.contains(&about.scan_id))
                .map(|about| [*about])
                .collect();
            let answered = answers.of_each(&wanted).await?;
            for ([about], answer) in wanted.into_iter().zip(answered) {
                if seen.contains(&about.scan_id) {
                    continue;
                }
                let answer = match answer {
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
        }
        Ok(Self {
            studies,
            undetermined,
            left_out,
        })
    }
}
