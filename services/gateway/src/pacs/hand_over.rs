//! A received study becomes a scan.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use norma_database::{NewAuditEvent, Owner, ReceivedStudy, ScanIdentity, StoredInstance};
use norma_dicom_spool::{Held, StudyKey, TakenStudy, instances_sha256, pack_study, sop_class_of};
use norma_domain::ScanId;

use crate::gateway::Gateway;
use crate::pacs::stored::{StoredStudy, note_other_content};
use crate::predictions::Predictions;
use crate::problem::ApiError;
use crate::pulls::PriorsOptions;
use crate::routing::Rules;
use crate::scans::{NewUpload, store_scan};
use crate::uploads::receive::Upload;
use crate::uploads::spool::{blocking, create_spool_file, storage_failure};

/// To whom belongs what came by DICOM: keys of this scope see it.
pub(super) const SCOPE: &str = "pacs";

/// What became of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HandedOver {
    Stored,
    /// Everything of it is here already.
    Repeated,
}

/// What is known of a study before it is stored.
struct Contents {
    key: StudyKey,
    files: BTreeMap<String, PathBuf>,
    /// What came of it before, with its archive.
    earlier: Option<StoredStudy>,
    /// Of it and of what came before: SOP classes by SOP Instance UIDs.
    classes: BTreeMap<String, String>,
}

/// What a hand-over needs.
pub(super) struct HandOver {
    pub(super) predictions: Predictions,
    pub(super) rules: Rules,
    /// None: no earlier studies are pulled.
    pub(super) priors: Option<PriorsOptions>,
}

impl HandOver {
    /// Makes a scan of a study, adds what came of it before, and requests the analysis, if the rules have it analysed. Begun again
    /// after a kill at any moment it goes on where it was.
    pub(super) async fn run(&self, taken: &TakenStudy) -> Result<HandedOver, ApiError> {
        let predictions = &self.predictions;
        let gateway = &predictions.gateway;
        // Without models nothing is stored that would wait for its analysis unseen.
        predictions.bundle.question(None).await?;
        let scan_id = taken.scan_id();
        let (files, key) = {
            let taken = taken.clone();
            blocking(move || Ok((taken.files()?, taken.study()?))).await?
        };
        let Some(key) = key else {
            return Err(ApiError::EmptyUpload);
        };
        let latest = gateway.database.latest_received_study(key.to_string()).await?;
        let is_noted = latest.as_ref().is_some_and(|latest| latest.scan_id == scan_id);
        if !is_noted {
            let before = latest.as_ref().map(|latest| latest.scan_id);
            let Some(contents) = look_into(predictions, key.clone(), files.clone(), latest).await? else {
                if let Some(before) = before {
                    self.look_again(before, taken, &files).await?;
                }
                return Ok(HandedOver::Repeated);
            };
            self.keep(taken, contents, &files).await?;
        }
        // Deleted by somebody meanwhile: then it is not wanted.
        if gateway.database.scan(scan_id).await?.is_none() {
            return Ok(HandedOver::Repeated);
        }
        let (facts, route) = self.noted_route(scan_id, taken).await?;
        if route.analyze {
            self.analyze_once(scan_id, taken, route).await?;
        }
        if let Some(priors) = &self.priors
            && !facts.is_prior
        {
            ask_for_priors(gateway, priors, scan_id, &key).await?;
        }
        let mut event = NewAuditEvent::of_system("pacs", "pacs.receive").about("scan", scan_id);
        event.scan_id = Some(scan_id);
        gateway.database.append_audit_events(vec![event]).await?;
        Ok(HandedOver::Stored)
    }

    /// Stores a study and notes what it holds and how it is routed.
    async fn keep(
        &self,
        taken: &TakenStudy,
        contents: Contents,
        files: &BTreeMap<String, PathBuf>,
    ) -> Result<(), ApiError> {
        let (gateway, scan_id) = (&self.predictions.gateway, taken.scan_id());
        let instances: BTreeSet<String> = contents.classes.keys().cloned().collect();
        let before = contents.earlier.as_ref().map(|earlier| earlier.scan_id);
        let received = ReceivedStudy {
            scan_id,
            study_key: contents.key.to_string(),
            instances: u32::try_from(instances.len()).unwrap_or(u32::MAX),
            instances_sha256: instances_sha256(&instances),
            predecessor: before,
        };
        let stored = contents.classes.clone().into_iter();
        let stored = stored.map(|(sop_instance_uid, sop_class_uid)| StoredInstance {
            sop_instance_uid,
            sop_class_uid,
        });
        if gateway.database.scan(scan_id).await?.is_none() {
            store(&self.predictions, taken, contents).await?;
        }
        self.note_route(scan_id, before, taken, files).await?;
        // Before the study is noted: then it is done, and leaves the spool.
        gateway
            .database
            .note_stored_instances(scan_id, stored.collect())
            .await?;
        gateway.database.note_received_study(received).await?;
        Ok(())
    }
}

async fn ask_for_priors(
    gateway: &Gateway,
    priors: &PriorsOptions,
    scan_id: ScanId,
    key: &StudyKey,
) -> Result<(), ApiError> {
    let identities = gateway.database.scan_identities(vec![scan_id]).await?;
    let wish = identities
        .get(&scan_id)
        .and_then(|identity| priors.wish(scan_id, key, &identity.study));
    if let Some(wish) = wish {
        gateway.database.ask_for_pull(priors.source.clone(), wish).await?;
    }
    Ok(())
}

/// None where everything is here already.
async fn look_into(
    predictions: &Predictions,
    key: StudyKey,
    files: BTreeMap<String, PathBuf>,
    latest: Option<ReceivedStudy>,
) -> Result<Option<Contents>, ApiError> {
    let gateway = &predictions.gateway;
    let Some(latest) = latest else {
        let (classes, files) = blocking(move || Ok((classes_of(&files)?, files))).await?;
        return Ok(Some(Contents {
            key,
            classes,
            earlier: None,
            files,
        }));
    };
    let earlier = StoredStudy::fetch(gateway, latest.scan_id).await?;
    let (others, known, new, files, earlier) = blocking(move || {
        let mut known = earlier.open()?;
        let mut others = 0_usize;
        for (uid, file) in &files {
            others += usize::from(known.held(uid, file)? == Held::Other);
        }
        Ok((others, known.classes()?, classes_of(&files)?, files, earlier))
    })
    .await?;
    if others > 0 {
        // What was stored stays. Most were refused when they came; here are those that came while nobody could tell.
        let detail = format!("{others} instances came again with another data set; what was stored stays");
        note_other_content(gateway, Some(latest.scan_id), detail).await;
        metrics::counter!("norma_pacs_instances_total", "outcome" => "other_content")
            .increment(others as u64);
    }
    if files.keys().all(|uid| known.contains_key(uid)) {
        return Ok(None);
    }
    // What is known goes before what came again under its name.
    let classes = new.into_iter().chain(known).collect();
    Ok(Some(Contents {
        key,
        files,
        earlier: Some(earlier),
        classes,
    }))
}

fn classes_of(files: &BTreeMap<String, PathBuf>) -> io::Result<BTreeMap<String, String>> {
    let classes = files
        .iter()
        .map(|(uid, file)| Ok((uid.clone(), sop_class_of(file)?.unwrap_or_default())));
    classes.collect()
}

async fn store(predictions: &Predictions, taken: &TakenStudy, contents: Contents) -> Result<(), ApiError> {
    let gateway = &predictions.gateway;
    let owner = Some(Owner::Scope(SCOPE.to_owned()));
    let (_, archive) = create_spool_file(&gateway.options.spool_folder).map_err(storage_failure)?;
    let (packed, archive) = blocking(move || {
        let mut earlier = contents.earlier.as_ref().map(StoredStudy::open).transpose()?;
        Ok((pack_study(&contents.files, earlier.as_mut(), &archive)?, archive))
    })
    .await?;
    let limit_bytes = gateway.options.upload_limit_bytes;
    if packed.size_bytes > limit_bytes {
        return Err(ApiError::UploadTooLarge { limit_bytes });
    }
    let _room = predictions.uploads.reserve(&owner, 1, packed.size_bytes).await?;
    let mut upload = Upload::of_file(archive, "study.zip", packed.size_bytes, String::new());
    upload.sender = owner.clone();
    let study = predictions.uploads.reader.only_study(&upload).await?;
    let new = NewUpload {
        id: taken.scan_id(),
        file: upload.path,
        file_name: upload.file_name,
        patient_id: None,
        description: String::new(),
        owner,
        identity: ScanIdentity {
            study: study.identity,
            confirmed_conflicts: Vec::new(),
        },
        request: None,
    };
    store_scan(gateway, new).await?;
    Ok(())
}
