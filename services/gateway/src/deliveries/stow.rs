//! Objects stored by STOW-RS (PS3.18 section 10.5), all in one request.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream;
use norma_database::DatabaseError;
use norma_dicom_network::Status;
use norma_dicom_results::DicomResult;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Client, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use uuid::Uuid;

use crate::deliveries::failure::{DUPLICATE, Failure, FailureKind};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Of the request as a whole.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);
/// Of an answer; more of it is not read.
const ANSWER_BYTES: usize = 1 << 20;
const FAILED_SOP_SEQUENCE: &str = "00081198";
const FAILURE_REASON: &str = "00081197";

/// A DICOMweb service that stores.
#[derive(Debug, Clone)]
pub(super) struct StowService {
    /// `…/studies`.
    url: String,
    authorization: Option<SecretString>,
    client: Client,
}

impl StowService {
    /// `base`: of the service, which `/studies` stands below.
    pub(super) fn new(base: &str, authorization: Option<SecretString>) -> reqwest::Result<Self> {
        Ok(Self {
            url: format!("{}/studies", base.trim_end_matches('/')),
            authorization,
            // What redirects could have patients' data sent elsewhere.
            client: Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(REQUEST_TIMEOUT)
                .build()?,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Stores objects. Ends well once the service has said of each that it has it.
    ///
    /// `before`: once the service is there, before anything of an object leaves. Where it fails nothing does.
    pub(super) async fn store(
        &self,
        objects: &[&DicomResult],
        before: impl Future<Output = Result<(), DatabaseError>> + Send + 'static,
    ) -> Result<(), Failure> {
        let boundary = Uuid::new_v4().to_string();
        let body = body(objects, &boundary);
        let length = body.len();
        let failed = Arc::new(Mutex::new(None));
        let failing = Arc::clone(&failed);
        // Asked for by the connection, which there is then.
        let body = stream::once(async move {
            before.await.map(|()| body).map_err(|error| {
                *locked(&failing) = Some(Failure::from(error));
                io::Error::other("nothing is sent")
            })
        });
        let mut request = self
            .client
            .post(&self.url)
            .header(ACCEPT, "application/dicom+json")
            .header(
                CONTENT_TYPE,
                format!("multipart/related; type=\"application/dicom\"; boundary={boundary}"),
            )
            .header(CONTENT_LENGTH, length)
            .body(Body::wrap_stream(body));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.expose_secret());
        }
        let sent = request.send().await;
        let mut answer =
            sent.map_err(|error| locked(&failed).take().unwrap_or_else(|| of_transport(&error)))?;
        let status = answer.status();
        let mut document = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| of_transport(&error))? {
            document.extend_from_slice(&chunk);
            if document.len() > ANSWER_BYTES {
                break;
            }
        }
        of_answer(status, &document)
    }
}

fn locked(failure: &Mutex<Option<Failure>>) -> MutexGuard<'_, Option<Failure>> {
    failure.lock().unwrap_or_else(PoisonError::into_inner)
}

fn body(objects: &[&DicomResult], boundary: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for object in objects {
        body.extend(format!("--{boundary}\r\nContent-Type: application/dicom\r\n\r\n").bytes());
        body.extend_from_slice(&object.bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").bytes());
    body
}

fn of_transport(error: &reqwest::Error) -> Failure {
    let (code, detail) = if error.is_connect() {
        ("peer_unreachable", "no connection")
    } else if error.is_timeout() {
        ("peer_silent", "no answer in time")
    } else {
        ("connection_lost", "the connection failed")
    };
    Failure::of_peer(code, None, FailureKind::Connection, detail)
}

/// What an answer means (PS3.18 table 10.5.3-1): the instances that failed, or the request as a whole.
fn of_answer(status: StatusCode, document: &[u8]) -> Result<(), Failure> {
    let document: Value = serde_json::from_slice(document).unwrap_or_default();
    let reasons = failure_reasons(&document);
    if matches!(status.as_u16(), 200..=299 | 409) && !reasons.is_empty() {
        let failures = reasons.into_iter().filter(|reason| Status(*reason) != DUPLICATE);
        let failures = failures.map(|reason| Failure::of_status(Status(reason), "an instance failed"));
        // What may pass is tried again, whatever else was refused.
        let worst = failures.min_by_key(|failure| failure.kind == FailureKind::Final);
        return worst.map_or(Ok(()), Err);
    }
    let (code, kind) = match status.as_u16() {
        200..=299 => return Ok(()),
        // A person may mend the settings, here or there.
        401 | 403 => ("not_authorized", FailureKind::Connection),
        300..=399 | 404 | 405 => ("no_such_service", FailureKind::Connection),
        429 | 503 | 507 => ("peer_out_of_resources", FailureKind::Passing),
        408 | 425 | 500..=599 => ("peer_failed", FailureKind::Passing),
        _ => ("refused_by_peer", FailureKind::Final),
    };
    let peer_status = status.as_str().to_owned();
    Err(Failure::of_peer(
        code,
        Some(peer_status),
        kind,
        "the service answered so",
    ))
}

fn failure_reasons(document: &Value) -> Vec<u16> {
    let items = document[FAILED_SOP_SEQUENCE]["Value"].as_array();
    items
        .into_iter()
        .flatten()
        .map(|item| {
            let reason = item[FAILURE_REASON]["Value"][0].as_u64();
            // One without a reason failed all the same.
            reason
                .and_then(|reason| u16::try_from(reason).ok())
                .unwrap_or(0x0110)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answered(status: u16, reasons: &[u16]) -> Result<(), (&'static str, Option<String>, FailureKind)> {
        let items: Vec<Value> = reasons
            .iter()
            .map(|reason| json!({ FAILURE_REASON: { "vr": "US", "Value": [reason] } }))
            .collect();
        let document = json!({ FAILED_SOP_SEQUENCE: { "vr": "SQ", "Value": items } });
        of_answer(
            StatusCode::from_u16(status).unwrap(),
            document.to_string().as_bytes(),
        )
        .map_err(|failure| (failure.code, failure.peer_status, failure.kind))
    }

    #[test]
    fn an_answer_says_what_became_of_each_instance() {
        for (status, reasons) in [
            (200, &[][..]),
            (202, &[]),
            (202, &[0x0111]),
            (409, &[0x0111, 0x0111]),
        ] {
            assert_eq!(answered(status, reasons), Ok(()), "{status} {reasons:?}");
        }
        let of = |code, peer_status: &str, kind| Err((code, Some(peer_status.to_owned()), kind));
        let refused = of("refused_by_peer", "A900", FailureKind::Final);
        assert_eq!(answered(409, &[0xA900]), refused);
        assert_eq!(answered(202, &[0x0111, 0xA900]), refused);
        assert_eq!(answered(200, &[0xA900]), refused);
        let full = of("peer_out_of_resources", "A700", FailureKind::Passing);
        assert_eq!(answered(202, &[0xA900, 0xA700]), full, "the rest may pass");
        assert_eq!(
            answered(409, &[]),
            of("refused_by_peer", "409", FailureKind::Final)
        );
        assert_eq!(
            answered(415, &[]),
            of("refused_by_peer", "415", FailureKind::Final)
        );
        assert_eq!(
            answered(401, &[]),
            of("not_authorized", "401", FailureKind::Connection)
        );
        assert_eq!(
            answered(302, &[]),
            of("no_such_service", "302", FailureKind::Connection)
        );
        assert_eq!(
            answered(503, &[]),
            of("peer_out_of_resources", "503", FailureKind::Passing)
        );
        assert_eq!(answered(500, &[]), of("peer_failed", "500", FailureKind::Passing));
    }

    #[test]
    fn parts_are_files_between_boundaries() {
        let object = |bytes: &[u8]| DicomResult {
            name: "report".to_owned(),
            sop_class_uid: String::new(),
            sop_instance_uid: String::new(),
            bytes: bytes.to_vec(),
        };
        let (one, two) = (object(b"\r\none"), object(b"two"));
        let body = String::from_utf8(body(&[&one, &two], "b")).unwrap();
        assert_eq!(
            body,
            "--b\r\nContent-Type: application/dicom\r\n\r\n\r\none\r\n\
             --b\r\nContent-Type: application/dicom\r\n\r\ntwo\r\n--b--\r\n"
        );
    }
}
