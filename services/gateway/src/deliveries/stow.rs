//! Objects stored by STOW-RS (PS3.18 section 10.5), all in one request.

use norma_database::DatabaseError;
use norma_dicom_network::Status;
use norma_dicom_results::DicomResult;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use secrecy::SecretString;
use serde_json::Value;
use uuid::Uuid;

use crate::deliveries::failure::{DUPLICATE, Failure, FailureKind};
use crate::deliveries::http_service::{HttpService, of_status};

const FAILED_SOP_SEQUENCE: &str = "00081198";
const FAILURE_REASON: &str = "00081197";

/// A DICOMweb service that stores.
#[derive(Debug, Clone)]
pub(super) struct StowService(HttpService);

impl StowService {
    /// `base`: of the service, which `/studies` stands below.
    pub(super) fn new(base: &str, authorization: Option<SecretString>) -> reqwest::Result<Self> {
        let url = format!("{}/studies", base.trim_end_matches('/'));
        HttpService::new(url, authorization).map(Self)
    }

    pub(super) fn url(&self) -> &str {
        self.0.url()
    }

    /// Stores objects. Ends well once the service has said of each that it has it.
    ///
    /// `before`: as [`HttpService::post`].
    pub(super) async fn store(
        &self,
        objects: &[&DicomResult],
        before: impl Future<Output = Result<(), DatabaseError>> + Send + 'static,
    ) -> Result<(), Failure> {
        let boundary = Uuid::new_v4().to_string();
        let headers = [
            (ACCEPT, "application/dicom+json".to_owned()),
            (
                CONTENT_TYPE,
                format!("multipart/related; type=\"application/dicom\"; boundary={boundary}"),
            ),
        ];
        let (status, document) = self.0.post(body(objects, &boundary), headers, before).await?;
        of_answer(status, &document)
    }
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
    of_status(status)
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
