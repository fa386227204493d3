//! One attempt at a pull: what the archive has is looked for, and each study of it is had.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use norma_database::{ClaimedPull, Database, PullWish, PulledStudy};
use norma_dicom_network::{
    AeTitle, FindLimits, Found, FoundStudy, InstanceSink, Keeping, NetworkError, Retrieval, RetrievalEnd,
    RetrieveLimits, StudyKeys, StudyToRetrieve, find_studies, get_study, move_study,
};
use norma_dicom_spool::StudyKey;
use norma_imaging::READABLE_TRANSFER_SYNTAXES;
use norma_service::RetrieveMethod;
use tokio_util::sync::CancellationToken;

use crate::peer_failure::{Failure, FailureKind, told_status};
use crate::pulls::failure::failure_of;
use crate::pulls::priors::{PriorsOf, PriorsOptions};
use crate::pulls::source::Source;
use crate::pulls::watch::PullWatch;

/// Studies of one wish; a person who wants more asks more narrowly.
const MOST_STUDIES: usize = 50;
/// Instances of one study: as many as an upload may hold.
const MOST_INSTANCES: u32 = 100_000;
const FIND_LONGEST: Duration = Duration::from_secs(120);
/// Many archives say nothing until everything is sent.
const RETRIEVE_SILENCE: Duration = Duration::from_secs(600);
const RETRIEVE_LONGEST: Duration = Duration::from_secs(3600);
/// An archive that says that all is sent, again and again, while some of it is missing, has no more.
const MOST_SHORT_ATTEMPTS: u32 = 5;

/// What every attempt needs.
pub(super) struct Attempts {
    pub(super) database: Database,
    /// Where an archive is to send to: this node.
    pub(super) own: AeTitle,
    pub(super) priors: Option<PriorsOptions>,
    pub(super) watch: Arc<PullWatch>,
    pub(super) sink: Arc<dyn InstanceSink>,
    /// Where instances are written while they come.
    pub(super) folder: PathBuf,
    pub(super) instance_bytes: u64,
    pub(super) free_floor_bytes: u64,
}

/// How an attempt went.
pub(super) struct Outcome {
    /// That came, whatever became of the others.
    pub(super) instances: usize,
    /// What the archive has, whatever came of it.
    pub(super) studies: Vec<StudyKey>,
    pub(super) failure: Option<Failure>,
}

/// A study to have, and what is known of it.
struct Wanted {
    study: StudyToRetrieve,
    key: StudyKey,
    /// As the archive says.
    expected: Option<u32>,
    known: PulledStudy,
}

impl Attempts {
    /// Ends well once everything that the archive has is here. None where the pull is another process's now.
    pub(super) async fn attempt(
        &self,
        source: &Source,
        claimed: &ClaimedPull,
        stopping: &CancellationToken,
    ) -> Option<Outcome> {
        let looking = self.look(source, claimed);
        let looked = tokio::select! {
            looked = looking => looked,
            () = stopping.cancelled() => Err(Failure::passing("stopped", "the gateway stops")),
        };
        let mut wanted = match looked {
            Ok(wanted) => wanted,
            Err(failure) => return Some(Outcome::failed(failure)),
        };
        let mut outcome = Outcome {
            instances: 0,
            studies: wanted.iter().map(|wanted| wanted.key.clone()).collect(),
            failure: None,
        };
        if !self.note(claimed, &wanted).await {
            return None;
        }
        for at in 0..wanted.len() {
            if wanted[at].known.is_here {
                continue;
            }
            let had = self.have(source, claimed, &wanted[at], stopping).await;
            outcome.instances += had.came;
            let known = &mut wanted[at].known;
            known.instances = u32::try_from(had.came).unwrap_or(u32::MAX);
            known.failed = had.failed;
            known.is_here = had.failure.is_none();
            known.reason_code = had.failure.as_ref().map(|failure| failure.code.to_owned());
            known.expected = had.expected.or(known.expected);
            if !self.note(claimed, &wanted).await {
                return None;
            }
            if let Some(failure) = had.failure {
                tracing::warn!(pull_id = %claimed.id, study_key = %wanted[at].key, code = failure.code,
                    peer_status = failure.peer_status, error = failure.detail, "a study was not pulled whole");
                // The others fail likewise where nobody is there.
                let is_over = failure.kind == FailureKind::Connection || stopping.is_cancelled();
                outcome.take(failure);
                if is_over {
                    break;
                }
            }
        }
        Some(outcome)
    }

    /// What is wanted of what the archive has.
    async fn look(&self, source: &Source, claimed: &ClaimedPull) -> Result<Vec<Wanted>, Failure> {
        let found = match &claimed.wish {
            PullWish::Studies {
                study_instance_uid,
                accession_number,
                patient_id,
                issuer_of_patient_id,
            } => {
                let keys = StudyKeys {
                    study_instance_uid: study_instance_uid.clone(),
                    accession_number: accession_number.clone(),
                    patient_id: patient_id.clone(),
                    issuer_of_patient_id: issuer_of_patient_id.clone(),
                    ..StudyKeys::default()
                };
                let limits = FindLimits {
                    answers: MOST_STUDIES + 1,
                    longest: FIND_LONGEST,
                };
                let found = find_studies(&source.scu, &keys, limits).await;
                checked(found.map_err(|error| failure_of(&error))?)?
            }
            PullWish::Priors {
                study_key,
                study_date,
                patient_id,
                issuer_of_patient_id,
                ..
            } => {
                // Not wanted any more.
                let Some(priors) = &self.priors else {
                    return Ok(Vec::new());
                };
                let of = PriorsOf {
                    study_key,
                    study_date: study_date.as_deref(),
                    patient_id,
                    issuer_of_patient_id: issuer_of_patient_id.as_deref(),
                };
                let chosen = priors.choose(source, &of).await;
                chosen.map_err(|error| failure_of(&error))?
            }
        };
        let mut wanted = Vec::new();
        for study in found {
            wanted.push(self.wanted(claimed, study).await?);
        }
        Ok(wanted)
    }

    async fn wanted(&self, claimed: &ClaimedPull, study: FoundStudy) -> Result<Wanted, Failure> {
        let key = StudyKey::of(&study.study_instance_uid);
        let known = claimed
            .studies
            .iter()
            .find(|known| known.study_key == key.as_str());
        let mut known = known.cloned().unwrap_or_else(|| PulledStudy {
            study_instance_uid: study.study_instance_uid.as_str().to_owned(),
            study_key: key.to_string(),
            is_here: false,
            instances: 0,
            failed: 0,
            reason_code: None,
            expected: None,
        });
        known.expected = study.instance_count.or(known.expected);
        // An earlier study that is here is not had again, once for each study of its patient. What somebody asks for is.
        if is_prior(claimed) && !known.is_here {
            let stored = self.database.latest_received_study(key.to_string()).await?;
            known.is_here = stored
                .is_some_and(|stored| study.instance_count.is_none_or(|count| stored.instances >= count));
        }
        Ok(Wanted {
            study: StudyToRetrieve {
                study_instance_uid: study.study_instance_uid,
                patient_id: study.patient_id,
            },
            key,
            expected: study.instance_count,
            known,
        })
    }

    /// False where the pull is another process's now.
    async fn note(&self, claimed: &ClaimedPull, wanted: &[Wanted]) -> bool {
        let studies = wanted.iter().map(|wanted| wanted.known.clone()).collect();
        match self.database.note_pulled_studies(claimed, studies).await {
            Ok(is_own) => is_own,
            // What came is had again: it is known by its UIDs.
            Err(error) => {
                tracing::warn!(pull_id = %claimed.id, %error, "what came of a pull could not be noted");
                true
            }
        }
    }

    async fn have(
        &self,
        source: &Source,
        claimed: &ClaimedPull,
        wanted: &Wanted,
        stopping: &CancellationToken,
    ) -> Had {
        let watching = self
            .watch
            .begin(wanted.key.clone(), source.title.clone(), is_prior(claimed));
        self.watch.expect(&wanted.key, wanted.expected);
        if is_prior(claimed) {
            // What comes after this attempt is the same study.
            self.watch.await_prior(wanted.key.clone(), source.title.clone());
        }
        let limits = RetrieveLimits {
            silence: RETRIEVE_SILENCE,
            longest: RETRIEVE_LONGEST,
            instances: MOST_INSTANCES,
            stop: stopping.clone(),
        };
        let retrieved = match source.retrieve {
            RetrieveMethod::Move => move_study(&source.scu, &wanted.study, &self.own, &limits).await,
            RetrieveMethod::Get => {
                let keeping = Keeping {
                    folder: &self.folder,
                    instance_bytes: self.instance_bytes,
                    free_floor_bytes: self.free_floor_bytes,
                    sink: Arc::clone(&self.sink),
                    transfer_syntaxes: &READABLE_TRANSFER_SYNTAXES,
                };
                get_study(&source.scu, &wanted.study, &keeping, &limits).await
            }
        };
        let came = watching.instances();
        let said = retrieved.as_ref().ok().map(|retrieval| retrieval.sub_operations);
        let all = said.map(|said| said.completed + said.warning + said.failed);
        self.watch.expect(&wanted.key, all.filter(|all| *all > 0));
        let of_archive = self.watch.of_archive(&wanted.key);
        let had = Had {
            came,
            failed: said.map_or(0, |said| said.failed),
            expected: of_archive.and_then(|of_archive| of_archive.instances),
            failure: failure_in(retrieved, came, wanted.expected, claimed.attempts),
        };
        if had.failure.is_none() {
            watching.is_whole();
        }
        had
    }
}

/// What came of a study.
struct Had {
    came: usize,
    failed: u32,
    /// That the archive has, as it says.
    expected: Option<u32>,
    failure: Option<Failure>,
}

impl Outcome {
    pub(super) fn failed(failure: Failure) -> Self {
        Self {
            instances: 0,
            studies: Vec::new(),
            failure: Some(failure),
        }
    }

    /// The one that another attempt is of use for goes before the others.
    fn take(&mut self, failure: Failure) {
        let is_final = |failure: &Failure| failure.kind == FailureKind::Final;
        if self.failure.as_ref().is_none_or(is_final) {
            self.failure = Some(failure);
        }
    }
}

fn is_prior(claimed: &ClaimedPull) -> bool {
    matches!(claimed.wish, PullWish::Priors { .. })
}

/// The studies that somebody asked for; there has to be one.
fn checked(found: Found<FoundStudy>) -> Result<Vec<FoundStudy>, Failure> {
    let last = |code, detail: &str| Err(Failure::of_peer(code, None, FailureKind::Final, detail));
    if found.is_cut || found.items.len() > MOST_STUDIES {
        return last(
            "too_many_studies",
            "the archive has more studies than are pulled at once",
        );
    }
    if found.items.is_empty() && found.left_out > 0 {
        return last(
            "unusable_answers",
            "the archive answers with what was not asked for, or cannot be read",
        );
    }
    if found.items.is_empty() {
        return last("no_such_study", "the archive has nothing of what was asked for");
    }
    Ok(found.items)
}

/// What is wrong with a retrieval of which `came` instances are here, each counted once; `expected`: as the search said.
fn failure_in(
    retrieved: Result<Retrieval, NetworkError>,
    came: usize,
    expected: Option<u32>,
    attempts: u32,
) -> Option<Failure> {
    let retrieval = match retrieved {
        Ok(retrieval) => retrieval,
        Err(error) => return Some(failure_of(&error)),
    };
    let status = Some(told_status(retrieval.status));
    match retrieval.end {
        RetrievalEnd::Stopped => return Some(Failure::passing("stopped", "the gateway stops")),
        RetrievalEnd::TooLong => return Some(Failure::passing("too_slow", "the retrieval took too long")),
        RetrievalEnd::TooMany => {
            let detail = "the archive sends more instances than a study may have";
            return Some(Failure::of_peer(
                "too_many_instances",
                status,
                FailureKind::Final,
                detail,
            ));
        }
        RetrievalEnd::Done => {}
    }
    let said = retrieval.sub_operations;
    let sent = usize::try_from(said.completed + said.warning).unwrap_or(usize::MAX);
    let expected = expected.map_or(1, |count| count.max(1));
    let is_whole =
        said.failed == 0 && came >= sent && came >= usize::try_from(expected).unwrap_or(usize::MAX);
    if is_whole {
        return None;
    }
    let kind = match attempts {
        ..MOST_SHORT_ATTEMPTS => FailureKind::Passing,
        _ => FailureKind::Final,
    };
    let detail = format!(
        "{came} instances came; the archive counts {expected}, {sent} as sent and {} as failed",
        said.failed
    );
    Some(Failure::of_peer("instances_missing", status, kind, &detail))
}

#[cfg(test)]
mod tests {
    use norma_dicom_network::{Status, SubOperations};

    use super::*;

    fn done(completed: u32, failed: u32) -> Result<Retrieval, NetworkError> {
        Ok(Retrieval {
            end: RetrievalEnd::Done,
            status: Status::SUCCESS,
            sub_operations: SubOperations {
                completed,
                failed,
                ..SubOperations::default()
            },
        })
    }

    #[test]
    fn what_an_archive_counts_is_held_against_what_came() {
        assert!(failure_in(done(8, 0), 8, Some(8), 1).is_none());
        assert!(
            failure_in(done(0, 0), 8, Some(8), 1).is_none(),
            "some count nothing"
        );
        assert!(
            failure_in(done(4, 0), 8, None, 1).is_none(),
            "of two associations"
        );
        for (completed, failed, came, expected) in [
            (8, 0, 7, None),
            (7, 1, 7, None),
            (7, 0, 7, Some(8)),
            (0, 0, 0, None),
        ] {
            let failure = |attempts| failure_in(done(completed, failed), came, expected, attempts).unwrap();
            assert_eq!(failure(1).code, "instances_missing");
            assert_eq!(failure(1).kind, FailureKind::Passing);
            assert_eq!(failure(5).kind, FailureKind::Final);
        }
    }

    #[test]
    fn another_attempt_is_made_where_one_of_the_studies_may_come() {
        let mut outcome = Outcome {
            instances: 0,
            studies: Vec::new(),
            failure: None,
        };
        outcome.take(Failure::of_peer("refused_by_peer", None, FailureKind::Final, ""));
        outcome.take(Failure::passing("peer_failed", ""));
        outcome.take(Failure::of_peer("refused_by_peer", None, FailureKind::Final, ""));
        assert_eq!(outcome.failure.unwrap().code, "peer_failed");
    }
}
