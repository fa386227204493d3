//! `/api/patients/{patient_id}/export`: all that is stored of a patient, for the patient.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::http::header::{self, ContentEncoding};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use bytes::Bytes;
use futures::{StreamExt as _, future, stream};
use norma_database::{AuditQuery, Page, ScanQuery};
use norma_domain::{AnalysisId, AnalysisStatus, PatientId, ScanId};
use norma_object_storage::ObjectKey;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio_stream::wrappers::ReceiverStream;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

use crate::analysis_document::describe_analysis;
use crate::audit::schema::AuditItem;
use crate::feedback::schema::Feedback;
use crate::gateway::Gateway;
use crate::identity::Access;
use crate::patients::schema::Patient;
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Failures, NotFound};
use crate::scans::answer::scan_document;

/// Pieces that wait for the client.
const WAITING: usize = 4;
const PIECE: usize = 256 * 1024;
/// Rows read at once.
const AT_ONCE: u32 = 200;

/// Gives all that is stored of a patient as a zip: the record, each study's original and documents, analyses, reports, feedback, and
/// the audit events about the patient (without network addresses of who acted). `manifest.json` names each member with its SHA-256
/// and is the last: an archive without it is not whole.
///
/// Volumes, maps and DICOM results are not in it: they are made from what is.
#[utoipa::path(
    tag = "patients",
    operation_id = "exportPatient",
    params(("patient_id" = PatientId, Path)),
    responses(
        (status = 200, description = "The archive", content_type = "application/zip"),
        BadRequest, NotFound, Failures
    )
)]
#[post("/api/patients/{patient_id}/export")]
pub(crate) async fn export_patient(
    gateway: Data<Gateway>,
    access: Access,
    patient_id: Path<PatientId>,
) -> Result<HttpResponse, ApiError> {
    let seat = gateway.exports.try_take(access.caller.owner().as_ref());
    let seat = seat.ok_or(ApiError::TooManyRequests {
        retry_after_seconds: 10,
    })?;
    let patient = gateway.database.patient(*patient_id).await?;
    let patient: Patient = patient.ok_or(ApiError::PatientNotFound)?.into();
    let (sender, receiver) = mpsc::channel(WAITING);
    let runtime = Handle::current();
    let is_whole = Arc::new(AtomicBool::new(false));
    let written = Arc::clone(&is_whole);
    tokio::task::spawn_blocking(move || {
        // Until the client has it all, or takes no more of it.
        let _seat = seat;
        // The answer ends when this one goes, too.
        let last = sender.clone();
        let pipe = Pipe {
            sender,
            patience: gateway.options.upload_idle,
            runtime: runtime.clone(),
            piece: Vec::with_capacity(PIECE),
        };
        let id = patient.id;
        let mut export = Export {
            gateway: &gateway,
            runtime,
            archive: ZipWriter::new_stream(pipe),
            members: Vec::new(),
        };
        let done = export.all_of(&patient).and_then(|()| {
            let mut pipe = export.archive.finish()?.into_inner();
            Ok(pipe.flush()?)
        });
        match done {
            Ok(()) => written.store(true, Ordering::Release),
            // The client went away.
            Err(_) if last.is_closed() => {}
            Err(error) => {
                tracing::warn!(patient_id = %id, error = format!("{error:#}"), "an export was not finished");
            }
        }
    });
    // The connection ends before the archive does where that is not whole: nobody takes a part for it.
    let end = stream::once(async move { is_whole.load(Ordering::Acquire) }).filter_map(|is_whole| {
        let broken_off = || Err(io::Error::other("the export could not be finished"));
        future::ready((!is_whole).then(broken_off))
    });
    let body = ReceiverStream::new(receiver).map(Ok).chain(end);
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header(ContentEncoding::Identity)
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"patient-{}.zip\"", *patient_id),
        ))
        .streaming(body))
}

/// Hands what is written over to the answer's body.
struct Pipe {
    sender: mpsc::Sender<Bytes>,
    /// How long the client may take nothing.
    patience: Duration,
    runtime: Handle,
    piece: Vec<u8>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let taken = self.sender.send_timeout(piece.into(), self.patience);
        self.runtime.block_on(taken).map_err(|refused| match refused {
            SendTimeoutError::Timeout(_) => io::ErrorKind::TimedOut.into(),
            SendTimeoutError::Closed(_) => io::ErrorKind::BrokenPipe.into(),
        })
    }
}

/// A member of the archive.
#[derive(Serialize)]
struct Member {
    name: String,
    size_bytes: u64,
    sha256: String,
}

struct Export<'a> {
    gateway: &'a Gateway,
    runtime: Handle,
    archive: ZipWriter<StreamWriter<Pipe>>,
    members: Vec<Member>,
}

impl Export<'_> {
    fn all_of(&mut self, patient: &Patient) -> anyhow::Result<()> {
        self.json("patient.json", patient)?;
        let mut offset = 0;
        loop {
            let query = ScanQuery {
                patient_id: Some(patient.id),
                ..ScanQuery::default()
            };
            let page = Page {
                limit: AT_ONCE,
                offset,
            };
            let scans = self.gateway.database.list_scans(query, page);
            let scans = self.runtime.block_on(scans)?.items;
            let count = u32::try_from(scans.len())?;
            for scan in scans {
                self.study(scan)?;
            }
            if count < AT_ONCE {
                break;
            }
            offset += count;
        }
        let events = self.events(patient.id)?;
        self.json("audit.json", &events)?;
        let members = std::mem::take(&mut self.members);
        self.json("manifest.json", &members)
    }

    fn study(&mut self, row: norma_database::Scan) -> anyhow::Result<()> {
        let (id, size) = (row.id, row.size_bytes);
        let document = self.runtime.block_on(scan_document(self.gateway, row))?;
        let folder = format!("studies/{id}");
        self.json(&format!("{folder}/study.json"), &document)?;
        self.original(&folder, id, size)?;
        let analyses = self
            .runtime
            .block_on(self.gateway.database.analyses_of_scan(id))?;
        for analysis in analyses {
            let (analysis_id, status) = (analysis.id, analysis.status);
            let folder = format!("{folder}/analyses/{analysis_id}");
            let document = describe_analysis(&self.gateway.database, analysis);
            let document = self.runtime.block_on(document)?;
            self.json(&format!("{folder}/analysis.json"), &document)?;
            if status == AnalysisStatus::Completed {
                self.answer(&folder, analysis_id)?;
            }
        }
        Ok(())
    }

    /// The report as it is stored, also where this version cannot read it.
    fn answer(&mut self, folder: &str, id: AnalysisId) -> anyhow::Result<()> {
        if let Some(report) = self.runtime.block_on(self.gateway.database.stored_report(id))? {
            self.json(&format!("{folder}/report.json"), &report)?;
        }
        let feedback = self.runtime.block_on(self.gateway.database.list_feedback(id))?;
        if !feedback.is_empty() {
            let feedback: Vec<Feedback> = feedback.into_iter().map(Feedback::from).collect();
            self.json(&format!("{folder}/feedback.json"), &feedback)?;
        }
        Ok(())
    }

    /// The upload as it came.
    fn original(&mut self, folder: &str, id: ScanId, size: u64) -> anyhow::Result<()> {
        // Compressed already, most of it.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(size > u64::from(u32::MAX / 2));
        let name = format!("{folder}/original");
        self.archive.start_file(&name, options)?;
        let (mut hash, mut written) = (Sha256::new(), 0_u64);
        let stream = self.gateway.objects.get_stream(ObjectKey::Original(id), None);
        let mut bytes = self.runtime.block_on(stream)?.bytes;
        while let Some(piece) = self.runtime.block_on(bytes.next()) {
            let piece = piece?;
            hash.update(&piece);
            written += piece.len() as u64;
            self.archive.write_all(&piece)?;
        }
        self.members.push(Member {
            name,
            size_bytes: written,
            sha256: hex::encode(hash.finalize()),
        });
        Ok(())
    }

    /// Events about the patient, the newest first.
    fn events(&self, id: PatientId) -> anyhow::Result<Vec<AuditItem>> {
        let mut events = Vec::new();
        loop {
            let query = AuditQuery {
                patient_id: Some(id),
                ..AuditQuery::default()
            };
            let page = Page {
                limit: AT_ONCE,
                offset: u32::try_from(events.len())?,
            };
            let rows = self.gateway.database.list_audit_events(query, page);
            let rows = self.runtime.block_on(rows)?.items;
            let count = rows.len();
            events.extend(rows.into_iter().map(|row| AuditItem {
                source_address: String::new(),
                ..row.into()
            }));
            if count < AT_ONCE as usize {
                return Ok(events);
            }
        }
    }

    fn json(&mut self, name: &str, document: &impl Serialize) -> anyhow::Result<()> {
        let bytes = serde_json::to_vec_pretty(document)?;
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        self.archive.start_file(name, options)?;
        self.archive.write_all(&bytes)?;
        self.members.push(Member {
            name: name.to_owned(),
            size_bytes: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(&bytes)),
        });
        Ok(())
    }
}
