//! What the handlers share, and the operations that more than one of them needs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Payload;
use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use futures::Stream;
use norma_database::{Analysis, Database, DeletedScan, NewAnalysis, NewScan, Owner, Scan};
use norma_domain::{AnalysisId, OperatingPointName, PatientId, Reason, Report, ScanId};
use norma_messages::Message;
use norma_object_storage::{ObjectError, ObjectKey, Objects};
use norma_service::{Context, announce};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::audit::AuditTrail;
use crate::bundle::schema::BundleDescription;
use crate::events::EventFeed;
use crate::health::schema::{DependencyHealth, Readiness};
use crate::identity::Identity;
use crate::identity::openid::OpenId;
use crate::options::GatewayOptions;
use crate::pixels::PixelObjects;
use crate::problem::ApiError;
use crate::server::request_limits::content_length;
use crate::uploads::reader::UploadReader;
use crate::uploads::receive::{DEIDENTIFY_FIELD, Upload, UploadLimits, receive};

/// A worker that stores an object of an analysis while it is deleted removes it itself; should it die before, this
/// later pass does.
const SECOND_DELETION_AFTER: Duration = Duration::from_secs(120);
const DELETION_ATTEMPTS: u32 = 5;

/// The description of the bundle that runs, or why there is none.
pub type BundleSource = Arc<dyn Fn() -> Result<BundleDescription, Reason> + Send + Sync>;

/// What the gateway is made of.
pub struct GatewayParts {
    pub context: Context,
    /// Asked at each use: models may come later than the gateway. Without them analyses are refused.
    pub bundle: BundleSource,
    pub reader: UploadReader,
    pub options: GatewayOptions,
}

/// The gateway's state.
pub(crate) struct Gateway {
    pub(crate) database: Database,
    pub(crate) objects: Objects,
    pub(crate) options: GatewayOptions,
    pub(crate) events: EventFeed,
    pub(crate) pixels: PixelObjects,
    pub(crate) reader: UploadReader,
    pub(crate) identity: Identity,
    /// None where no issuer is set.
    pub(crate) openid: Option<OpenId>,
    pub(crate) trail: AuditTrail,
    pub(crate) stopping: CancellationToken,
    pub(crate) context: Context,
    /// One for each upload that is received.
    upload_places: Arc<Semaphore>,
    bundle: BundleSource,
}

/// A file to become a scan.
pub(crate) struct NewUpload<File> {
    /// Deleted by its owner.
    pub(crate) file: File,
    pub(crate) file_name: String,
    pub(crate) patient_id: Option<PatientId>,
    pub(crate) description: String,
    /// Who uploads it.
    pub(crate) owner: Option<Owner>,
}

impl Gateway {
    pub(crate) fn new(parts: GatewayParts) -> anyhow::Result<Self> {
        let context = parts.context;
        let upload_places = Arc::new(Semaphore::new(parts.options.uploads_at_once));
        let identity = Identity::new(
            parts.options.identity.clone(),
            parts.options.public_url.clone(),
            context.database.clone(),
        )?;
        Ok(Self {
            identity,
            openid: OpenId::of(&parts.options)?,
            trail: AuditTrail::start(context.database.clone()),
            pixels: PixelObjects::new(context.objects.clone()),
            database: context.database.clone(),
            objects: context.objects.clone(),
            options: parts.options,
            events: EventFeed::new(),
            reader: parts.reader,
            stopping: context.shutdown.clone(),
            bundle: parts.bundle,
            upload_places,
            context,
        })
    }

    pub(crate) async fn scan(&self, id: ScanId) -> Result<Scan, ApiError> {
        self.database.scan(id).await?.ok_or(ApiError::ScanNotFound)
    }

    pub(crate) async fn analysis(&self, id: AnalysisId) -> Result<Analysis, ApiError> {
        self.database
            .analysis(id)
            .await?
            .ok_or(ApiError::AnalysisNotFound)
    }

    /// The report of a completed analysis.
    pub(crate) async fn report(&self, id: AnalysisId) -> Result<Report, ApiError> {
        match self.database.report(id).await? {
            Some(report) => Ok(report),
            // Deleted between the two reads, or else a defect: completion and report are one transaction.
            None => Err(ApiError::AnalysisNotFound),
        }
    }

    pub(crate) fn bundle(&self) -> Result<BundleDescription, ApiError> {
        (self.bundle)().map_err(|reason| ApiError::Unavailable {
            dependency: "models",
            source: anyhow::anyhow!("{reason}"),
        })
    }

    /// The operating point of that name, or the default.
    pub(crate) fn operating_point(&self, name: Option<String>) -> Result<OperatingPointName, ApiError> {
        let bundle = self.bundle()?;
        let name = name
            .or_else(|| self.options.operating_point.clone())
            .unwrap_or(bundle.default_operating_point);
        if bundle.operating_points.iter().any(|point| point.name == name) {
            Ok(OperatingPointName(name))
        } else {
            Err(ApiError::UnknownOperatingPoint {
                known: bundle
                    .operating_points
                    .iter()
                    .map(|point| point.name.clone())
                    .collect(),
            })
        }
    }

    /// Requests an analysis, or gives the one that runs.
    pub(crate) async fn request_analysis(
        &self,
        scan_id: ScanId,
        operating_point: OperatingPointName,
    ) -> Result<Analysis, ApiError> {
        let id = AnalysisId::generate();
        let bundle = self.bundle()?;
        let deadline = TimeDelta::from_std(self.options.analysis_deadline).map_err(ApiError::internal)?;
        let requested = self
            .database
            .request_analysis(NewAnalysis {
                id,
                scan_id,
                operating_point,
                bundle_version: format!("{} {}", bundle.name, bundle.version),
                deadline_at: Utc::now() + deadline,
                message: announce(Message::AnalyzeRequested {
                    analysis_id: id,
                    scan_id,
                }),
            })
            .await?;
        self.context.wake_outbox();
        tracing::info!(
            analysis_id = %requested.analysis.id,
            %scan_id,
            created = requested.created,
            "analysis requested"
        );
        Ok(requested.analysis)
    }

    /// Receives a form with a file and the given text fields, where there is a place and room for it. The place is
    /// given back when what comes with the upload is dropped.
    pub(crate) async fn receive(
        &self,
        request: &HttpRequest,
        payload: Payload,
        text_fields: &'static [&'static str],
    ) -> Result<(Upload, OwnedSemaphorePermit), ApiError> {
        let place = Arc::clone(&self.upload_places)
            .try_acquire_owned()
            .map_err(|_| ApiError::TooManyUploads)?;
        let announced = content_length(request.headers()).unwrap_or(0);
        if announced <= self.options.upload_limit_bytes {
            self.check_room(announced).await?;
        }
        let mut upload = receive(request, payload, text_fields, &self.upload_limits()).await?;
        self.check_room(upload.size_bytes).await?;
        let is_wanted: Option<bool> = upload.parsed(DEIDENTIFY_FIELD, "true or false")?;
        if self.options.deidentify_uploads || is_wanted == Some(true) {
            upload = self.deidentify(upload).await?;
        }
        Ok((upload, place))
    }

    /// The upload without what identifies patients: its file name goes too.
    async fn deidentify(&self, upload: Upload) -> Result<Upload, ApiError> {
        let clean = upload.replacement(&self.options.spool_folder)?;
        self.reader
            .deidentify(&upload.path, &clean, self.options.deidentification_key.clone())
            .await?;
        upload.replaced_by(clean, "deidentified.zip")
    }

    fn upload_limits(&self) -> UploadLimits {
        UploadLimits {
            spool_folder: self.options.spool_folder.clone(),
            file_bytes: self.options.upload_limit_bytes,
            idle: self.options.upload_idle,
            least_bytes_per_second: self.options.upload_least_bytes_per_second,
            fields: self.options.form_fields_max,
            text_bytes: self.options.form_text_limit_bytes,
            free_floor_bytes: self.options.storage.free_floor_bytes,
        }
    }

    /// Stores a file and its row. Goes on to the end when the client goes away in between, so that no object is
    /// left without its row.
    pub(crate) async fn store_scan<File: AsRef<Path> + Send + 'static>(
        &self,
        upload: NewUpload<File>,
    ) -> Result<Scan, ApiError> {
        let (objects, database) = (self.objects.clone(), self.database.clone());
        tokio::spawn(async move {
            let id = ScanId::generate();
            let key = ObjectKey::Original(id);
            let stored = objects.put_file(key, upload.file.as_ref()).await?;
            let row = database
                .create_scan(NewScan {
                    id,
                    patient_id: upload.patient_id,
                    description: upload.description,
                    file_name: upload.file_name,
                    sha256: stored.sha256,
                    size_bytes: stored.size_bytes,
                    object_key: key.to_string(),
                    owner: upload.owner,
                })
                .await;
            if row.is_err()
                && let Err(error) = objects.delete(key).await
            {
                tracing::error!(scan_id = %id, %error, "an object without a row could not be deleted");
            }
            tracing::info!(scan_id = %id, size_bytes = stored.size_bytes, "scan stored");
            // The patient was there a moment ago: deleted meanwhile.
            row.map_err(|error| match ApiError::from(error) {
                ApiError::PatientNotFound => ApiError::UnknownPatient,
                other => other,
            })
        })
        .await
        .map_err(ApiError::internal)?
    }

    /// Deletes the objects of deleted rows; again later where analyses may still have been running.
    pub(crate) async fn forget_objects(&self, deleted: Vec<DeletedScan>) {
        let objects = self.objects.clone();
        let stopping = self.stopping.clone();
        let first = tokio::spawn(async move {
            for scan in &deleted {
                delete_objects(&objects, scan).await;
                tracing::info!(scan_id = %scan.scan_id, analyses = scan.analysis_ids.len(), "scan deleted");
            }
            if deleted.iter().any(|scan| !scan.analysis_ids.is_empty()) {
                tokio::spawn(async move {
                    tokio::select! {
                        () = stopping.cancelled() => {}
                        () = tokio::time::sleep(SECOND_DELETION_AFTER) => {}
                    }
                    for scan in &deleted {
                        delete_objects(&objects, scan).await;
                    }
                });
            }
        });
        if let Err(error) = first.await {
            tracing::error!(%error, "the deletion of objects did not finish");
        }
    }

    /// An object's bytes as a stream.
    pub(crate) async fn stream_object(
        &self,
        key: ObjectKey,
        range: std::ops::Range<u64>,
    ) -> Result<impl Stream<Item = Result<Bytes, ObjectError>> + 'static, ApiError> {
        Ok(self.objects.get_stream(key, Some(range)).await?.bytes)
    }

    /// Every dependency, asked at once. What is wrong goes into the log.
    pub(crate) async fn readiness(&self) -> Readiness {
        let dependencies: Vec<DependencyHealth> = self
            .context
            .check_dependencies()
            .await
            .into_iter()
            .map(|dependency| {
                if let Some(problem) = dependency.problem {
                    tracing::warn!(dependency = dependency.name, problem, "not ready");
                }
                DependencyHealth {
                    name: dependency.name,
                    ready: dependency.ready,
                }
            })
            .collect();
        Readiness {
            ready: dependencies.iter().all(|dependency| dependency.ready),
            dependencies,
        }
    }
}

async fn delete_objects(objects: &Objects, scan: &DeletedScan) {
    let mut pause = Duration::from_millis(200);
    for attempt in 1..=DELETION_ATTEMPTS {
        match objects.delete_scan(scan.scan_id, &scan.analysis_ids).await {
            Ok(()) => return,
            Err(error) => {
                tracing::error!(scan_id = %scan.scan_id, attempt, %error, "objects of a deleted scan remain");
            }
        }
        tokio::time::sleep(pause).await;
        pause *= 4;
    }
}
