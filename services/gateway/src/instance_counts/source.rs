//! What an archive has of a study: asked beside everything else, so that one that does not answer holds nobody up.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use norma_dicom_network::FoundSeries;
use norma_dicom_results::may_be_series_made_here;
use norma_dicom_spool::StudyKey;
use norma_domain::StudyInstanceUid;
use norma_service::ExpectedLevel;
use tokio::sync::Semaphore;

use crate::back_off::back_off;
use crate::instance_counts::counter::{Counted, Counter};
use crate::instance_counts::here::StudyHere;
use crate::instance_counts::stated::by_series;
use crate::pulls::{Sources, failure_of};

/// An archive that has fewer than all may get the others yet.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Searches at once of one archive.
const AT_ONCE: usize = 2;

/// Asks archives how many instances studies have.
pub(crate) struct SourceCounts {
    sources: Sources,
    places: Mutex<HashMap<String, Arc<Semaphore>>>,
    asked: Mutex<HashMap<StudyKey, Asked>>,
}

#[derive(Debug, Default)]
struct Asked {
    answer: Option<Answer>,
    is_asking: bool,
    times: u32,
    next: Option<Instant>,
    /// How many instances were here when it was asked last.
    here: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    series: Vec<FoundSeries>,
    /// Where not each series is counted.
    of_study: Option<u32>,
}

impl SourceCounts {
    pub(crate) fn new(sources: Sources) -> Arc<Self> {
        Arc::new(Self {
            sources,
            places: Mutex::default(),
            asked: Mutex::default(),
        })
    }

    /// Of a study that does not wait any more.
    pub(crate) fn forget(&self, study: &StudyKey) {
        self.asked().remove(study);
    }

    /// What is known; asks anew where that is due.
    fn answer(self: &Arc<Self>, source: &str, here: &StudyHere) -> Option<Answer> {
        let mut all = self.asked();
        let asked = all.entry(here.key.clone()).or_default();
        if asked.here != here.instances.len() {
            // More came: what it has is asked again before this counts.
            (asked.here, asked.times, asked.next) = (here.instances.len(), 0, None);
            asked.answer = None;
        }
        let is_due = asked.next.is_none_or(|next| next <= Instant::now());
        if is_due && !asked.is_asking {
            asked.is_asking = true;
            asked.times += 1;
            asked.next = Some(Instant::now() + back_off(asked.times, LONGEST_PAUSE));
            let (counts, source) = (Arc::clone(self), source.to_owned());
            let (key, uid) = (here.key.clone(), here.uid.clone());
            tokio::spawn(async move { counts.ask(&source, key, &uid).await });
        }
        asked.answer.clone()
    }

    async fn ask(&self, source: &str, key: StudyKey, uid: &StudyInstanceUid) {
        let place = Arc::clone(
            self.places()
                .entry(source.to_owned())
                .or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))),
        );
        let _place = place.acquire().await;
        let found = self.sources.counts(source, uid).await;
        let (outcome, answer) = match found {
            Some(Ok((series, of_study))) if !series.is_empty() || of_study.is_some() => {
                ("counted", Some(Answer { series, of_study }))
            }
            Some(Ok(_)) => ("unknown", None),
            Some(Err(error)) => {
                let failure = failure_of(&error);
                tracing::warn!(
                    source,
                    code = failure.code,
                    error = failure.detail,
                    "an archive did not say how many instances a study has"
                );
                ("failed", None)
            }
            None => ("failed", None),
        };
        let name = source.to_owned();
        metrics::counter!("norma_pacs_counts_total", "source" => name, "outcome" => outcome).increment(1);
        if let Some(asked) = self.asked().get_mut(&key) {
            asked.is_asking = false;
            // What it said before holds while it says nothing.
            asked.answer = answer.or(asked.answer.take());
        }
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<StudyKey, Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn places(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One archive, asked for one study.
pub(crate) struct OfSource {
    pub(crate) counts: Arc<SourceCounts>,
    pub(crate) source: String,
    pub(crate) level: ExpectedLevel,
}

#[async_trait]
impl Counter for OfSource {
    async fn count(&self, here: &StudyHere) -> Counted {
        match self.counts.answer(&self.source, here) {
            Some(answer) => counted(&answer, here, self.level),
            None => Counted::Awaited,
        }
    }
}

/// Results that the archive was sent are none of what was acquired.
fn counted(answer: &Answer, here: &StudyHere, level: ExpectedLevel) -> Counted {
    let mut came: HashMap<&str, usize> = HashMap::new();
    for stated in here.instances.values() {
        *came
            .entry(stated.series_instance_uid.as_deref().unwrap_or_default())
            .or_default() += 1;
    }
    let known: BTreeSet<&str> = came.keys().copied().collect();
    let series = answer.series.iter().filter(|series| {
        let uid = series.series_instance_uid.as_str();
        known.contains(uid) || (level == ExpectedLevel::Study && !may_be_series_made_here(uid))
    });
    let counts = series.map(|series| {
        let came = came.get(series.series_instance_uid.as_str()).copied();
        (came.unwrap_or_default(), series.instance_count)
    });
    let counts: Vec<(usize, Option<u32>)> = counts.collect();
    let by_series = if counts.iter().all(|(_, count)| count.is_some()) {
        by_series(counts.into_iter())
    } else {
        Counted::Nothing
    };
    match (by_series, answer.of_study, level) {
        (Counted::Nothing, Some(of_study), ExpectedLevel::Study) => Counted::Of {
            came: here.instances.len(),
            expected: usize::try_from(of_study).unwrap_or(usize::MAX),
        },
        // It has the study, and does not say how much of it.
        (Counted::Nothing, _, _) => Counted::Awaited,
        (counted, _, _) => counted,
    }
}

#[cfg(test)]
mod tests {
    use norma_dicom_spool::StatedInstance;
    use norma_domain::SeriesInstanceUid;

    use super::*;

    fn answer(series: &[(&str, Option<u32>)], of_study: Option<u32>) -> Answer {
        let series = series.iter().map(|(uid, count)| FoundSeries {
            series_instance_uid: SeriesInstanceUid::new(uid).unwrap(),
            modality: "CT".to_owned(),
            body_part: String::new(),
            instance_count: *count,
        });
        Answer {
            series: series.collect(),
            of_study,
        }
    }

    #[test]
    fn what_an_archive_has_is_held_against_what_came() {
        let uid = StudyInstanceUid::new("1.2").unwrap();
        let instances = (0..3).map(|at| {
            let stated = StatedInstance {
                series_instance_uid: Some("1.2.1".to_owned()),
                ..StatedInstance::default()
            };
            (format!("1.2.1.{at}"), stated)
        });
        let here = StudyHere {
            key: StudyKey::of(&uid),
            uid,
            instances: Arc::new(instances.collect()),
        };
        let (study, series) = (ExpectedLevel::Study, ExpectedLevel::Series);
        let of = |came, expected| Counted::Of { came, expected };
        // UUID of version 8, as series of results have.
        let own = "2.25.24197857200150890073892579874101880713";
        let two = answer(&[("1.2.1", Some(3)), ("1.2.2", Some(4)), (own, Some(9))], None);
        assert_eq!(counted(&two, &here, study), of(3, 7));
        assert_eq!(counted(&two, &here, series), of(3, 3));
        let uncounted = answer(&[("1.2.1", None)], Some(5));
        assert_eq!(counted(&uncounted, &here, study), of(3, 5));
        assert_eq!(counted(&uncounted, &here, series), Counted::Awaited);
        let silent = answer(&[("1.2.1", None)], None);
        assert_eq!(counted(&silent, &here, study), Counted::Awaited);
    }
}
