//! The studies that come, as people are told of them: noted in the database, where every gateway and the command line see them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};
use norma_database::{ArrivingStudy, Database, WaitsFor};
use norma_dicom_spool::{Spool, StudyKey, study_uid_of};
use uuid::Uuid;

use crate::pacs::arrivals::{Arrivals, Arriving};
use crate::pacs::completeness::Completeness;
use crate::pacs::traffic::Traffic;
use crate::uploads::spool::blocking;

const NOTED_EVERY: Duration = Duration::from_secs(2);
/// While nothing changes.
const REPEATED_EVERY: Duration = Duration::from_secs(10);
/// Studies that are told of at once: those that came first.
const MOST_STUDIES: usize = 200;
/// Peers that are known by their titles.
const MOST_CALLERS: u32 = 1000;

/// Notes what comes to this process.
pub(super) struct NotedArrivals {
    database: Database,
    spool: Arc<Spool>,
    traffic: Arc<Traffic>,
    /// Stands for this process.
    node: Uuid,
    looked: Option<Instant>,
    noted: Option<(Instant, Vec<ArrivingStudy>)>,
    uids: HashMap<StudyKey, Option<String>>,
}

impl NotedArrivals {
    pub(super) fn new(database: Database, spool: Arc<Spool>, traffic: Arc<Traffic>) -> Self {
        Self {
            database,
            spool,
            traffic,
            node: Uuid::new_v4(),
            looked: None,
            noted: None,
            uids: HashMap::new(),
        }
    }

    /// Notes what there is, where that is due. What cannot be noted is noted later: nothing else waits for it.
    pub(super) async fn note(&mut self, arrivals: &Arrivals, completeness: &Completeness, quiet: Duration) {
        if self.looked.is_some_and(|looked| looked.elapsed() < NOTED_EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
        let traffic = self.traffic.take();
        if !traffic.is_empty()
            && let Err(error) = self.database.note_pacs_traffic(traffic, MOST_CALLERS).await
        {
            tracing::warn!(%error, "what peers have sent could not be noted");
        }
        let mut arriving = arrivals.list();
        arriving.sort_by_key(|arriving| arriving.first_at);
        arriving.truncate(MOST_STUDIES);
        let keys: BTreeSet<&StudyKey> = arriving.iter().map(|arriving| &arriving.study).collect();
        self.uids.retain(|study, _| keys.contains(study));
        let mut studies = Vec::new();
        for arriving in arriving {
            match self.studied(arriving, completeness, quiet).await {
                Ok(study) => studies.extend(study),
                Err(error) => tracing::warn!(%error, "a study that comes could not be looked at"),
            }
        }
        let is_same = self.noted.as_ref().is_some_and(|(at, noted)| {
            *noted == studies && (studies.is_empty() || at.elapsed() < REPEATED_EVERY)
        });
        if is_same {
            return;
        }
        match self
            .database
            .note_arriving_studies(self.node, studies.clone())
            .await
        {
            Ok(()) => self.noted = Some((Instant::now(), studies)),
            Err(error) => tracing::warn!(%error, "the studies that come could not be noted"),
        }
    }

    /// None of one that was taken meanwhile.
    async fn studied(
        &mut self,
        arriving: Arriving,
        completeness: &Completeness,
        quiet: Duration,
    ) -> anyhow::Result<Option<ArrivingStudy>> {
        let study = arriving.study;
        let (spool, key) = (Arc::clone(&self.spool), study.clone());
        let is_named = self.uids.contains_key(&study);
        let looked = blocking(move || {
            let (count, first) = spool.count_incoming(&key)?;
            let uid = match first {
                Some(file) if !is_named => study_uid_of(&file)?,
                _ => None,
            };
            Ok((count, uid))
        });
        let (count, uid) = looked.await?;
        if count == 0 {
            return Ok(None);
        }
        let uid = self
            .uids
            .entry(study.clone())
            .or_insert_with(|| uid.map(|uid| uid.as_str().to_owned()));
        let waiting = completeness.waiting(&study);
        let (waits_for, at_latest) = match &waiting {
            Some(waiting) if waiting.is_short => {
                let is_known = waiting.count.is_some_and(|count| count.expected.is_some());
                let waits_for = if is_known {
                    WaitsFor::Instances
                } else {
                    WaitsFor::Count
                };
                (waits_for, waiting.at_latest)
            }
            _ if arriving.is_awaited => (
                WaitsFor::Pull,
                Some(arriving.last_at + quiet * Arrivals::OPEN_TIMES),
            ),
            _ if arriving.is_open => (
                WaitsFor::Quiet,
                Some(arriving.last_at + quiet * Arrivals::OPEN_TIMES),
            ),
            _ => (WaitsFor::Quiet, Some(arriving.last_at + quiet)),
        };
        let mut callers: BTreeSet<String> = arriving.callers.iter().map(ToString::to_string).collect();
        callers.extend(waiting.iter().flat_map(|waiting| waiting.callers.clone()));
        let first_at = waiting.as_ref().and_then(|waiting| waiting.first_at);
        let moment = |time: SystemTime| -> DateTime<Utc> { whole_seconds(time) };
        Ok(Some(ArrivingStudy {
            study_key: study.to_string(),
            study_instance_uid: uid.clone(),
            callers: callers.into_iter().collect(),
            instances: u32::try_from(count).unwrap_or(u32::MAX),
            count: waiting.and_then(|waiting| waiting.count),
            waits_for,
            first_at: moment(first_at.unwrap_or(arriving.first_at)),
            last_at: moment(arriving.last_at),
            at_latest: at_latest.map(moment),
        }))
    }
}

/// A second is enough for people, and what does not change stays the same.
fn whole_seconds(time: SystemTime) -> DateTime<Utc> {
    let time = DateTime::<Utc>::from(time);
    DateTime::from_timestamp(time.timestamp(), 0).unwrap_or(time)
}
