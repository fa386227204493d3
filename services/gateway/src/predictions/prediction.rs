//! Predictions: an upload without a patient, answered for all its studies at once.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use norma_database::{
    NewPrediction, Owner, PredictedScan, Rejection, RequestKey, ScanIdentity, StoredInstance,
};
use norma_dicom_spool::{named_instances, stated_instances};
use norma_domain::{AnalysisStatus, InstanceCount, ScanId, StudyInstanceUid};
use norma_service::RoutingWay;
use tokio::time::Instant;
use uuid::Uuid;

use crate::analyses::{Asked, request_analysis, wait_for_end};
use crate::bundle::RunningBundle;
use crate::gateway::Gateway;
use crate::instance_counts::RequestCounts;
use crate::predictions::schema::{OnlyRow, PredictedStudy, Prediction};
use crate::problem::ApiError;
use crate::routing::Router;
use crate::rows::{failure_row, summary_of, unreadable_row};
use crate::scans::{Earlier, Leftover, NewUpload, earlier_scan, store_scan};
use crate::study_in_hand::StudiesInHand;
use crate::uploads::comparison::SentFile;
use crate::uploads::reader::{OnlyStudy, Separation};
use crate::uploads::receive::Upload;
use crate::uploads::spool::{SPLIT_PREFIX, storage_failure};
use crate::uploads::{self, Place, Uploads};

/// Who sends an upload.
pub(crate) struct Sender {
    pub(crate) owner: Option<Owner>,
    /// Of the request, where it may be sent again.
    pub(crate) request: Option<RequestKey>,
    pub(crate) came_by: RoutingWay,
    /// What came by DICOM: SOP classes by SOP Instance UIDs.
    pub(crate) instances: BTreeMap<String, String>,
    /// The studies of the upload, where they were looked for first; None: each is taken in hand while it is stored.
    pub(crate) in_hand: Option<Arc<StudiesInHand>>,
    /// Whose scans the studies are held against; None where that was done already.
    pub(crate) compared_with: Option<Seen>,
}

/// The scans that somebody may see: of one owner, or all.
pub(crate) struct Seen(pub(crate) Option<Owner>);

/// What was started.
pub(crate) struct Started {
    pub(crate) id: Uuid,
    /// Of its scans those whose study was here before.
    pub(crate) earlier: HashMap<ScanId, EarlierContent>,
}

/// What a study of an upload has of an earlier scan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EarlierContent {
    pub(crate) duplicate_of: ScanId,
    pub(crate) other_content: Option<usize>,
}

/// A study to be stored.
struct NewStudy<File> {
    file: File,
    file_name: String,
    /// Of the bytes as they came; None of a part of an upload.
    received_sha256: Option<String>,
    study: OnlyStudy,
}

/// Takes uploads without a patient, and tells what became of them.
#[derive(Clone)]
pub(crate) struct Predictions {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) bundle: Arc<RunningBundle>,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) router: Arc<Router>,
    pub(crate) counts: Arc<RequestCounts>,
}

impl Predictions {
    /// Stores the studies of an upload and requests their analyses. Goes on to the end when the client goes away in
    /// between, and keeps its place so long; where it fails, nothing of the upload is left.
    pub(crate) async fn start_prediction(
        &self,
        (upload, place): (Upload, Place),
        asked: Asked,
        sender: Sender,
    ) -> Result<Started, ApiError> {
        let own = self.clone();
        tokio::spawn(async move {
            let mut made = Leftover {
                prediction: Uuid::now_v7(),
                scans: Vec::new(),
                request: sender.request.clone(),
            };
            let started = own
                .store_and_request((upload, place), &asked, sender, &mut made)
                .await;
            if started.is_err() {
                made.take_back(Arc::clone(&own.gateway)).await;
            }
            started
        })
        .await
        .map_err(ApiError::internal)?
    }

    async fn store_and_request(
        &self,
        (upload, mut place): (Upload, Place),
        asked: &Asked,
        sender: Sender,
        made: &mut Leftover,
    ) -> Result<Started, ApiError> {
        let id = made.prediction;
        let mut earlier = HashMap::new();
        let rejections = self
            .store_studies(upload, &mut place, &sender, (&mut made.scans, &mut earlier))
            .await?;
        self.gateway
            .database
            .create_prediction(NewPrediction {
                id,
                scan_ids: made.scans.clone(),
                rejections,
                owner: sender.owner,
                request: sender.request,
            })
            .await?;
        for scan_id in &made.scans {
            self.request(*scan_id, asked).await?;
        }
        Ok(Started { id, earlier })
    }

    /// Requests the analyses that a prediction lacks: the process that began it may have died half way.
    pub(crate) async fn complete_requests(&self, id: Uuid, asked: &Asked) -> Result<(), ApiError> {
        let prediction = self.gateway.database.prediction(id).await?;
        let scans = prediction.ok_or(ApiError::PredictionNotFound)?.scans;
        for scan in scans.iter().filter(|scan| scan.analysis.is_none()) {
            self.request(scan.scan.id, asked).await?;
        }
        Ok(())
    }

    /// Requests the analysis of a scan, unless a rule has it kept alone.
    pub(crate) async fn request(&self, scan_id: ScanId, asked: &Asked) -> Result<(), ApiError> {
        let asked = asked.of_study(&self.bundle, &self.router, scan_id).await?;
        if asked.is_analyzed {
            request_analysis(&self.gateway, scan_id, &asked.question, asked.turn).await?;
        }
        Ok(())
    }

    /// A scan for each study of the upload; for the whole upload where it holds one, or cannot be read: then the
    /// analysis tells why.
    async fn store_studies(
        &self,
        upload: Upload,
        place: &mut Place,
        sender: &Sender,
        (scans, earlier): (&mut Vec<ScanId>, &mut HashMap<ScanId, EarlierContent>),
    ) -> Result<Vec<Rejection>, ApiError> {
        let folder = tempfile::Builder::new()
            .prefix(SPLIT_PREFIX)
            .tempdir_in(&self.gateway.options.spool_folder)
            .map_err(storage_failure)?;
        let separate = self
            .uploads
            .reader
            .separate(&upload, folder.path(), self.gateway.options.most_studies)
            .await?;
        let separate = match separate {
            Separation::One(study) => {
                let new = NewStudy {
                    file: upload.path,
                    file_name: upload.file_name,
                    received_sha256: Some(upload.received_sha256),
                    study: *study,
                };
                self.store_study((scans, earlier), new, &upload.sender, sender)
                    .await?;
                return Ok(Vec::new());
            }
            Separation::Many(separate) => separate,
        };
        // What will be written is not what came: an archive may have been packed more tightly.
        let sizes = separate
            .studies
            .iter()
            .map(|study| std::fs::metadata(&study.archive));
        let size_bytes = sizes
            .map(|metadata| metadata.map(|metadata| metadata.len()))
            .sum::<std::io::Result<u64>>()
            .map_err(storage_failure)?;
        let studies = separate.studies.len() as u64;
        self.uploads
            .make_room(place, &upload.sender, studies, size_bytes)
            .await?;
        let path_of = |location: &str| path_to_study(&upload.file_name, location);
        for study in separate.studies {
            let new = NewStudy {
                file: study.archive,
                file_name: path_of(&study.location),
                received_sha256: None,
                study: OnlyStudy {
                    uid: study.uid,
                    identity: Some(study.identity),
                },
            };
            self.store_study((scans, earlier), new, &upload.sender, sender)
                .await?;
        }
        let rejections = separate.rejected.into_iter().map(|rejected| Rejection {
            location: path_of(&rejected.location),
            reason: rejected.reason,
        });
        Ok(rejections.collect())
    }

    async fn store_study<File: AsRef<Path> + Send + 'static>(
        &self,
        (scans, earlier): (&mut Vec<ScanId>, &mut HashMap<ScanId, EarlierContent>),
        new: NewStudy<File>,
        uploader: &uploads::sender::Sender,
        sender: &Sender,
    ) -> Result<(), ApiError> {
        // Who looks whether a study is here, and says so, stores it before another one looks.
        let in_hand = match &sender.in_hand {
            Some(in_hand) => Some(Arc::clone(in_hand)),
            None => StudiesInHand::of_request(&self.gateway.database, new.study.uid.iter().cloned()).await?,
        };
        let content = match &sender.compared_with {
            Some(Seen(owner)) => self.earlier_content(&new, uploader, owner.clone()).await?,
            None => None,
        };
        let NewStudy {
            file,
            file_name,
            study,
            ..
        } = new;
        let (instances, file) = instances_in(file, &sender.instances).await?;
        let (count, file) = match &study.uid {
            Some(uid) if !instances.is_empty() && !self.counts.is_off() => {
                self.count_in(file, uid.clone()).await?
            }
            _ => (None, file),
        };
        let facts = self
            .router
            .facts_of(sender.came_by, sender.owner.clone(), file.as_ref())
            .await?;
        // Noted first: where the answer never comes it may be stored nonetheless.
        let id = ScanId::generate();
        scans.push(id);
        if let Some(content) = content {
            earlier.insert(id, content);
        }
        store_scan(
            &self.gateway,
            NewUpload {
                id,
                file,
                file_name,
                patient_id: None,
                description: String::new(),
                owner: sender.owner.clone(),
                identity: ScanIdentity {
                    study: study.identity.unwrap_or_default(),
                    confirmed_conflicts: Vec::new(),
                },
                study_uid: study.uid,
                request: None,
                in_hand: in_hand.clone(),
            },
        )
        .await?;
        // Before the analysis is asked for: its answer goes where answers to what came by DICOM go.
        if !instances.is_empty() {
            let database = &self.gateway.database;
            database.note_stored_instances(id, instances).await?;
        }
        if let Some(count) = count {
            self.gateway.database.note_instance_count(id, count).await?;
        }
        if let Some(facts) = facts {
            self.router.note(id, &facts).await?;
        }
        if let Some(in_hand) = in_hand.and_then(Arc::into_inner) {
            in_hand.release().await;
        }
        Ok(())
    }

    /// How many instances of a study are in an archive, of how many it has.
    async fn count_in<File: AsRef<Path> + Send + 'static>(
        &self,
        archive: File,
        study: StudyInstanceUid,
    ) -> Result<(Option<InstanceCount>, File), ApiError> {
        let reading = tokio::task::spawn_blocking(move || {
            let stated = stated_instances(archive.as_ref())?;
            Ok::<_, std::io::Error>((stated, archive))
        });
        let (stated, archive) = reading
            .await
            .map_err(ApiError::internal)?
            .map_err(storage_failure)?;
        Ok((self.counts.of(study, stated).await, archive))
    }

    /// What an earlier scan holds of a study, instance by instance. Asked before it is stored.
    async fn earlier_content<File: AsRef<Path>>(
        &self,
        new: &NewStudy<File>,
        uploader: &uploads::sender::Sender,
        owner: Option<Owner>,
    ) -> Result<Option<EarlierContent>, ApiError> {
        let sha256 = new.received_sha256.as_deref();
        let Some(scan) = earlier_scan(&self.gateway, owner, sha256, new.study.uid.clone()).await? else {
            return Ok(None);
        };
        let path = new.file.as_ref();
        let sent = SentFile {
            sender: uploader,
            path,
            size_bytes: std::fs::metadata(path).map_err(storage_failure)?.len(),
            received_sha256: sha256,
        };
        let earlier = Earlier::compared(&self.gateway, &self.uploads, sent, scan).await;
        Ok(Some(EarlierContent {
            duplicate_of: earlier.scan.id,
            other_content: earlier.other_content(),
        }))
    }

    /// The prediction as it is when all its studies have ended, or at `deadline`.
    pub(crate) async fn prediction(
        &self,
        id: Uuid,
        deadline: Option<Instant>,
    ) -> Result<Prediction, ApiError> {
        let mut prediction = self
            .gateway
            .database
            .prediction(id)
            .await?
            .ok_or(ApiError::PredictionNotFound)?;
        if let Some(deadline) = deadline {
            for scan in &mut prediction.scans {
                if let Some(analysis) = &mut scan.analysis {
                    *analysis = wait_for_end(
                        &self.gateway.database,
                        analysis.id,
                        deadline,
                        &self.gateway.stopping,
                    )
                    .await?;
                }
            }
        }
        self.describe_prediction(id, prediction).await
    }

    async fn describe_prediction(
        &self,
        id: Uuid,
        prediction: norma_database::Prediction,
    ) -> Result<Prediction, ApiError> {
        let mut rows = Vec::new();
        let mut studies = Vec::with_capacity(prediction.scans.len());
        let mut pending = 0;
        for PredictedScan { scan, analysis } in prediction.scans {
            let mut report = None;
            match &analysis {
                Some(analysis) if analysis.status == AnalysisStatus::Completed => {
                    // One that cannot be read takes no other study's answer along.
                    match self.gateway.readable_report(analysis.id).await? {
                        Some(complete) => {
                            rows.extend(complete.rows.iter().cloned());
                            report = Some(Box::new(complete));
                        }
                        None => rows.push(unreadable_row(&scan)),
                    }
                }
                Some(analysis) if analysis.status == AnalysisStatus::Failed => {
                    rows.push(failure_row(&scan, analysis));
                }
                Some(_) | None => pending += 1,
            }
            studies.push(PredictedStudy {
                path_to_study: scan.file_name,
                scan_id: scan.id,
                analysis_id: analysis.as_ref().map(|analysis| analysis.id),
                status: analysis.as_ref().map(|analysis| analysis.status),
                report,
                duplicate_of: None,
                other_content: None,
            });
        }
        rows.extend(
            prediction
                .rejections
                .into_iter()
                .map(|rejection| norma_pipeline::failure_row(&rejection.location, 0.0, &[rejection.reason])),
        );
        Ok(Prediction {
            id,
            finished: pending == 0,
            pending,
            summary: summary_of(&rows),
            only_row: OnlyRow::of(&rows, pending),
            deidentified: None,
            rows,
            studies,
            href: format!("/inference/predictions/{id}"),
        })
    }
}

/// Of what came by DICOM that which an archive holds.
async fn instances_in<File: AsRef<Path> + Send + 'static>(
    archive: File,
    came: &BTreeMap<String, String>,
) -> Result<(Vec<StoredInstance>, File), ApiError> {
    if came.is_empty() {
        return Ok((Vec::new(), archive));
    }
    let reading = tokio::task::spawn_blocking(move || {
        let named = named_instances(archive.as_ref())?;
        Ok::<_, std::io::Error>((named, archive))
    });
    let (named, archive) = reading
        .await
        .map_err(ApiError::internal)?
        .map_err(storage_failure)?;
    // As the data set says; what a file says before it may be another instance's name.
    let instances = named.into_keys().filter_map(|sop_instance_uid| {
        let sop_class_uid = came.get(&sop_instance_uid)?.clone();
        Some(StoredInstance {
            sop_instance_uid,
            sop_class_uid,
        })
    });
    Ok((instances.collect(), archive))
}

/// The upload's name and the study's place in it, of at most 500 printable characters.
fn path_to_study(upload: &str, location: &str) -> String {
    let location = location.trim_matches('/');
    let path = if location.is_empty() {
        upload.to_owned()
    } else {
        format!("{upload}/{location}")
    };
    path.chars()
        .filter(|character| !character.is_control())
        .take(500)
        .collect()
}
