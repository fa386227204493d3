//! A received study becomes a scan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use norma_database::{NewAuditEvent, Owner, ReceivedStudy, ScanIdentity};
use norma_dicom_spool::{StudyKey, TakenStudy, instances_sha256, pack_study};
use norma_domain::ScanId;

use crate::dicomweb::DicomWeb;
use crate::gateway::Gateway;
use crate::pacs::contents::{Contents, Holdings, Looked, stored_instances};
use crate::pacs::stored::{SCOPE, StoredStudy};
use crate::predictions::Predictions;
use crate::problem::ApiError;
use crate::pulls::PriorsOptions;
use crate::scans::{NewUpload, store_scan};
use crate::study_in_hand::StudiesInHand;
use crate::uploads::receive::Upload;
use crate::uploads::spool::{blocking, create_spool_file, storage_failure};

/// How long a study waits for who stores it another way, before the next one is looked at.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What became of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HandedOver {
    Stored,
    /// Everything of it is here already.
    Repeated,
}

/// What a hand-over needs.
pub(super) struct HandOver {
    pub(super) predictions: Predictions,
    pub(super) web: Arc<DicomWeb>,
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
        let studies = BTreeSet::from([key.clone()]);
        let in_hand =
            StudiesInHand::take(&gateway.database, studies, scan_id.as_uuid(), LONGEST_WAIT).await?;
        let in_hand = Arc::new(in_hand);
        let done = self.run_in_hand(taken, (files, key), &in_hand).await;
        if let Some(in_hand) = Arc::into_inner(in_hand) {
            in_hand.release().await;
        }
        done
    }

    /// Nobody else stores anything of the study meanwhile.
    async fn run_in_hand(
        &self,
        taken: &TakenStudy,
        (files, key): (BTreeMap<String, PathBuf>, StudyKey),
        in_hand: &Arc<StudiesInHand>,
    ) -> Result<HandedOver, ApiError> {
        let gateway = &self.predictions.gateway;
        let scan_id = taken.scan_id();
        let latest = gateway.database.latest_received_study(key.to_string()).await?;
        let is_noted = latest.as_ref().is_some_and(|latest| latest.scan_id == scan_id);
        if !is_noted {
            let holdings = Holdings {
                gateway,
                web: &self.web,
            };
            let looked = holdings.look_into(taken, key.clone(), files.clone(), latest);
            match looked.await? {
                Looked::New(contents) => self.keep(taken, contents, &files, in_hand).await?,
                Looked::Received(before) => {
                    self.look_again(before, taken, &files).await?;
                    return Ok(HandedOver::Repeated);
                }
                Looked::Held(before, came) => {
                    self.take_for_received(before, came, taken, &files).await?;
                    return Ok(HandedOver::Repeated);
                }
            }
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
        in_hand: &Arc<StudiesInHand>,
    ) -> Result<(), ApiError> {
        let (gateway, scan_id) = (&self.predictions.gateway, taken.scan_id());
        let instances: BTreeSet<String> = contents.classes.keys().cloned().collect();
        let before = contents.before;
        let received = ReceivedStudy {
            scan_id,
            study_key: contents.key.to_string(),
            instances: u32::try_from(instances.len()).unwrap_or(u32::MAX),
            instances_sha256: instances_sha256(&instances),
            predecessor: before,
        };
        let stored = stored_instances(contents.classes.clone());
        if gateway.database.scan(scan_id).await?.is_none() {
            store(&self.predictions, taken, contents, in_hand).await?;
        }
        // Before its analysis is asked for: the report needs it.
        let count = {
            let taken = taken.clone();
            blocking(move || taken.count()).await?
        };
        if let Some(count) = count {
            gateway.database.note_instance_count(scan_id, count).await?;
            let outcome = match (count.is_whole(), count.expected) {
                (true, _) => "whole",
                (false, Some(_)) => "short",
                (false, None) => "unknown",
            };
            let by = count.counted_by.as_str();
            metrics::counter!("norma_pacs_studies_counted_total", "by" => by, "outcome" => outcome)
                .increment(1);
        }
        self.note_route(scan_id, before, taken, files).await?;
        // Before the study is noted: then it is done, and leaves the spool.
        gateway.database.note_stored_instances(scan_id, stored).await?;
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

async fn store(
    predictions: &Predictions,
    taken: &TakenStudy,
    contents: Contents,
    in_hand: &Arc<StudiesInHand>,
) -> Result<(), ApiError> {
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
            study: study.identity.unwrap_or_default(),
            confirmed_conflicts: Vec::new(),
        },
        study_uid: study.uid,
        request: None,
        in_hand: Some(Arc::clone(in_hand)),
    };
    store_scan(gateway, new).await?;
    Ok(())
}
