//! What a received study holds, against what is here of it already.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::PathBuf;

use norma_database::{ReceivedStudy, StoredInstance};
use norma_dicom_spool::{Held, StudyKey, TakenStudy, sop_class_of};
use norma_domain::ScanId;
use tempfile::TempDir;

use crate::dicomweb::{DicomWeb, HeldScan, first_to_hold};
use crate::gateway::Gateway;
use crate::pacs::stored::{StoredStudy, held_of, note_other_content};
use crate::problem::ApiError;
use crate::uploads::spool::{SPLIT_PREFIX, blocking, storage_failure};

/// SOP classes by SOP Instance UIDs.
pub(super) type Classes = BTreeMap<String, String>;

/// What is known of a study before it is stored.
pub(super) struct Contents {
    pub(super) key: StudyKey,
    /// All that came now, and what uploads and STOW-RS have brought of it: as that came first.
    pub(super) files: BTreeMap<String, PathBuf>,
    /// What came of it by C-STORE before, with its archive.
    pub(super) earlier: Option<StoredStudy>,
    /// Of all that.
    pub(super) classes: Classes,
    /// The newest scan that it adds to.
    pub(super) before: Option<ScanId>,
    /// Where files lie that did not come now; deleted with this.
    _joined: Option<TempDir>,
}

/// What a study is against what is here.
pub(super) enum Looked {
    New(Contents),
    /// All of it came by C-STORE before.
    Received(ScanId),
    /// All of it came by an upload or by STOW-RS: that scan, and what came again of it.
    Held(ScanId, Classes),
}

/// Whom to ask what is here.
pub(super) struct Holdings<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) web: &'a DicomWeb,
}

impl Holdings<'_> {
    /// Holds a study against what is here: what was stored stays, and people are told.
    pub(super) async fn look_into(
        &self,
        taken: &TakenStudy,
        key: StudyKey,
        files: BTreeMap<String, PathBuf>,
        latest: Option<ReceivedStudy>,
    ) -> Result<Looked, ApiError> {
        let earlier = match &latest {
            Some(latest) => Some(StoredStudy::fetch(self.gateway, latest.scan_id).await?),
            None => None,
        };
        let (mut classes, of_files, earlier) = self.against_received(&files, earlier).await?;
        if let Some(latest) = &latest
            && files.keys().all(|uid| classes.contains_key(uid))
        {
            return Ok(Looked::Received(latest.scan_id));
        }
        let mut held = match files.values().next() {
            Some(file) => held_of(self.web, file.clone()).await?,
            None => Vec::new(),
        };
        // Begun before and not noted yet.
        held.retain(|scan| scan.scan_id != taken.scan_id());
        let unknown: Vec<&String> = files.keys().filter(|uid| !classes.contains_key(*uid)).collect();
        let others = self.against_held(&files, &unknown, &held).await?;
        if let Some(whole) = held.iter().find(|scan| files.keys().all(|uid| scan.holds(uid))) {
            let came = of_files.into_iter().filter(|(uid, _)| !others.contains(uid));
            return Ok(Looked::Held(whole.scan_id, came.collect()));
        }
        let newest = held.first().map(|scan| scan.scan_id);
        let mut files = files;
        files.retain(|uid, _| !others.contains(uid));
        if let (true, Some(newest)) = (files.is_empty(), newest) {
            // Nothing of it is taken.
            return Ok(Looked::Held(newest, Classes::new()));
        }
        for (uid, class) in of_files {
            if files.contains_key(&uid) {
                classes.entry(uid).or_insert(class);
            }
        }
        let joined = self
            .join(&held, &mut files, &mut classes, earlier.as_ref())
            .await?;
        Ok(Looked::New(Contents {
            key,
            files,
            earlier,
            classes,
            before: latest.map(|latest| latest.scan_id).max(newest),
            _joined: joined,
        }))
    }

    /// The SOP classes of what came by C-STORE before, and of the files.
    async fn against_received(
        &self,
        files: &BTreeMap<String, PathBuf>,
        earlier: Option<StoredStudy>,
    ) -> Result<(Classes, Classes, Option<StoredStudy>), ApiError> {
        let files = files.clone();
        let (others, known, of_files, earlier) = blocking(move || {
            let of_files = classes_of(&files)?;
            let Some(earlier) = earlier else {
                return Ok((0, Classes::new(), of_files, None));
            };
            let mut known = earlier.open()?;
            let mut others = 0_usize;
            for (uid, file) in &files {
                others += usize::from(known.held(uid, file)? == Held::Other);
            }
            Ok((others, known.classes()?, of_files, Some(earlier)))
        })
        .await?;
        if let Some(earlier) = &earlier {
            self.tell_others(earlier.scan_id, others).await;
        }
        Ok((known, of_files, earlier))
    }

    /// Of these instances those that uploads or STOW-RS have brought with another data set.
    async fn against_held(
        &self,
        files: &BTreeMap<String, PathBuf>,
        unknown: &[&String],
        held: &[HeldScan],
    ) -> Result<BTreeSet<String>, ApiError> {
        let mut others = BTreeSet::new();
        let mut by_scan: BTreeMap<ScanId, usize> = BTreeMap::new();
        for uid in unknown {
            if let (Some(first), Some(file)) = (first_to_hold(held, uid), files.get(*uid).cloned())
                && !self.web.holds_same(first, uid, || File::open(file)).await?
            {
                others.insert((*uid).clone());
                *by_scan.entry(first.scan_id).or_default() += 1;
            }
        }
        for (scan_id, count) in by_scan {
            self.tell_others(scan_id, count).await;
        }
        Ok(others)
    }

    /// Most were refused when they came; here are those that came while nobody could tell.
    async fn tell_others(&self, scan_id: ScanId, count: usize) {
        if count == 0 {
            return;
        }
        let detail = format!("{count} instances came again with another data set; what was stored stays");
        note_other_content(self.gateway, Some(scan_id), detail).await;
        metrics::counter!("norma_pacs_instances_total", "outcome" => "other_content").increment(count as u64);
    }

    /// Adds what uploads and STOW-RS have brought to the files, in place of what came again of it.
    async fn join(
        &self,
        held: &[HeldScan],
        files: &mut BTreeMap<String, PathBuf>,
        classes: &mut Classes,
        earlier: Option<&StoredStudy>,
    ) -> Result<Option<TempDir>, ApiError> {
        if held.is_empty() {
            return Ok(None);
        }
        let received = match earlier {
            Some(earlier) => earlier.open().and_then(|archive| archive.instances()),
            None => Ok(BTreeSet::new()),
        };
        let received = received.map_err(storage_failure)?;
        let folder = tempfile::Builder::new()
            .prefix(SPLIT_PREFIX)
            .tempdir_in(&self.gateway.options.spool_folder)
            .map_err(storage_failure)?;
        // The oldest first: what came first stays.
        for scan in held.iter().rev() {
            for (uid, class) in scan.instances() {
                let is_first = first_to_hold(held, uid).is_some_and(|first| first.scan_id == scan.scan_id);
                if received.contains(uid) || !is_first {
                    continue;
                }
                classes.entry(uid.to_owned()).or_insert_with(|| class.to_owned());
                // An index names instances by UIDs of the standard alone: digits and points.
                let path = folder.path().join(format!("{uid}.dcm"));
                self.web.write_held(scan, uid, &path).await?;
                files.insert(uid.to_owned(), path);
            }
        }
        Ok(Some(folder))
    }
}

/// As rows name them.
pub(super) fn stored_instances(classes: Classes) -> Vec<StoredInstance> {
    let stored = classes.into_iter();
    stored
        .map(|(sop_instance_uid, sop_class_uid)| StoredInstance {
            sop_instance_uid,
            sop_class_uid,
        })
        .collect()
}

fn classes_of(files: &BTreeMap<String, PathBuf>) -> io::Result<Classes> {
    let classes = files
        .iter()
        .map(|(uid, file)| Ok((uid.clone(), sop_class_of(file)?.unwrap_or_default())));
    classes.collect()
}
