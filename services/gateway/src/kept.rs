//! Everything that is kept in memory of studies, and that goes when they are deleted.

use std::collections::HashSet;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use norma_database::{Database, DatabaseError, DeletedScan};
use norma_service::pause;
use tokio_util::sync::CancellationToken;

use crate::recently_used::{About, Forgets, RecentlyUsed, Subject};

/// How often it is looked whether what is kept still exists: another process may have deleted it, or a request may have
/// kept it while it was deleted here.
const EVERY: Duration = Duration::from_secs(60);

/// Makes what keeps values, and lets go of those of deleted studies.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<Box<dyn Forgets>>>);

impl Kept {
    /// Keeps so many values that were asked for last.
    pub(crate) fn recently_used<Key, Value>(&self, capacity: NonZeroUsize) -> RecentlyUsed<Key, Value>
    where
        Key: About + Hash + Eq + Send + 'static,
        Value: Send + Sync + 'static,
    {
        let made = RecentlyUsed::new(capacity);
        self.all().push(Box::new(made.shared()));
        made
    }

    fn all(&self) -> MutexGuard<'_, Vec<Box<dyn Forgets>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subjects(&self) -> HashSet<Subject> {
        self.all().iter().flat_map(|kept| kept.subjects()).collect()
    }

    fn forget(&self, gone: &HashSet<Subject>) {
        if !gone.is_empty() {
            self.all().iter().for_each(|kept| kept.forget(gone));
        }
    }

    /// Lets go of all that is of these.
    pub(crate) fn forget_deleted(&self, deleted: &[DeletedScan]) {
        let of_scan = |scan: &DeletedScan| {
            let analyses = scan.analysis_ids.clone().into_iter().map(Subject::Analysis);
            analyses.chain([Subject::Scan(scan.scan_id)])
        };
        self.forget(&deleted.iter().flat_map(of_scan).collect());
    }

    /// Lets go of all that is of what the database does not know any more.
    ///
    /// # Errors
    /// Where the database fails: all is kept then.
    async fn forget_unknown(&self, database: &Database) -> Result<(), DatabaseError> {
        let kept = self.subjects();
        let (mut scans, mut analyses) = (Vec::new(), Vec::new());
        for subject in &kept {
            match subject {
                Subject::Scan(id) => scans.push(*id),
                Subject::Analysis(id) => analyses.push(*id),
            }
        }
        let scans = database.existing_scans(scans).await?;
        let analyses = database.existing_analyses(analyses).await?;
        let is_gone = |subject: &Subject| match subject {
            Subject::Scan(id) => !scans.contains(id),
            Subject::Analysis(id) => !analyses.contains(id),
        };
        self.forget(&kept.into_iter().filter(is_gone).collect());
        Ok(())
    }

    /// Looks now and then, until `stopping`.
    pub(crate) async fn run(&self, database: &Database, stopping: &CancellationToken) {
        while pause(EVERY, stopping).await {
            if let Err(error) = self.forget_unknown(database).await {
                tracing::warn!(%error, "failed to look whether what is kept in memory still exists");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use norma_database::{NewScan, ScanIdentity};
    use norma_domain::{AnalysisId, ScanId, Stage};

    use super::*;

    const MANY: NonZeroUsize = NonZeroUsize::new(64).unwrap();

    #[test]
    fn what_is_kept_of_a_deleted_study_goes_with_it_wherever_it_is_kept() {
        let kept = Kept::default();
        let answers = kept.recently_used::<AnalysisId, &str>(MANY);
        let maps = kept.recently_used::<(AnalysisId, Stage), &str>(MANY);
        let indexes = kept.recently_used::<ScanId, &str>(MANY);
        let [deleted, other] = [(); 2].map(|()| (ScanId::generate(), AnalysisId::generate()));
        for (scan, analysis) in [deleted, other] {
            answers.insert(analysis, Arc::new("an answer"));
            maps.insert((analysis, Stage::Anomaly), Arc::new("a map"));
            indexes.insert(scan, Arc::new("an index"));
        }
        kept.forget_deleted(&[DeletedScan {
            scan_id: deleted.0,
            analysis_ids: vec![deleted.1],
        }]);
        let are_kept = |(scan, analysis): (ScanId, AnalysisId)| {
            [
                answers.get(&analysis).is_some(),
                maps.get(&(analysis, Stage::Anomaly)).is_some(),
                indexes.get(&scan).is_some(),
            ]
        };
        assert_eq!(are_kept(deleted), [false; 3]);
        assert_eq!(are_kept(other), [true; 3]);
    }

    #[tokio::test]
    async fn what_another_process_deleted_goes_too() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/norma.db", folder.path().display());
        let database = Database::open(&url).await.unwrap();
        let [one, other] = [ScanId::generate(), ScanId::generate()];
        let kept = Kept::default();
        let indexes = kept.recently_used::<ScanId, &str>(MANY);
        for id in [one, other] {
            let scan = NewScan {
                id,
                patient_id: None,
                description: String::new(),
                file_name: "chest.zip".to_owned(),
                sha256: "0".repeat(64),
                size_bytes: 1,
                object_key: format!("originals/{id}"),
                owner: None,
                identity: ScanIdentity::default(),
                study_uid: None,
                request: None,
            };
            database.create_scan(scan).await.unwrap();
            indexes.insert(id, Arc::new("an index"));
        }
        database.delete_scan(one).await.unwrap();
        kept.forget_unknown(&database).await.unwrap();
        assert!(indexes.get(&one).is_none());
        assert!(indexes.get(&other).is_some());
    }
}
