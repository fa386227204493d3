//! Objects stored by STOW-RS (PS3.18 section 10.5), all in one request.

use norma_database::{DatabaseError, UncommittedObject};
use norma_dicom_network::Status;
use norma_dicom_results::DicomResult;
use norma_domain::StudyInstanceUid;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use secrecy::SecretString;
use serde_json::Value;
use uuid::Uuid;

use crate::deliveries::commitment::not_committed;
use crate::deliveries::http_service::{HttpService, of_status};
use crate::deliveries::ledger::ObjectLedger;
use crate::peer_failure::{DUPLICATE, Failure, FailureKind};

const FAILED_SOP_SEQUENCE: &str = "00081198";
const FAILURE_REASON: &str = "00081197";
const SOP_INSTANCE_UID: &str = "00080018";
/// Of what was stored.
const REFERENCED_SOP_SEQUENCE: &str = "00081199";
const REFERENCED_SOP_INSTANCE_UID: &str = "00081155";

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
    /// `ledger`: where it is noted what the service says of each. `before`: as [`HttpService::post`].
    pub(super) async fn store(
        &self,
        objects: &[&DicomResult],
        ledger: &ObjectLedger,
        before: impl Future<Output = Result<(), DatabaseError>> + Send + 'static,
    ) -> Result<(), Failure> {
        if objects.is_empty() {
            return Ok(());
        }
        let boundary = Uuid::new_v4().to_string();
        let headers = [
            (ACCEPT, "application/dicom+json".to_owned()),
            (
                CONTENT_TYPE,
                format!("multipart/related; type=\"application/dicom\"; boundary={boundary}"),
            ),
        ];
        let (status, document) = self.0.post(body(objects, &boundary), headers, before).await?;
        of_answer(status, &document, objects, ledger)
    }

    /// Searches for objects (PS3.18 section 10.6): what the service does not find is missing, and sent again with the next attempt.
    pub(super) async fn check(
        &self,
        study: &StudyInstanceUid,
        objects: &[&DicomResult],
        ledger: &ObjectLedger,
    ) -> Result<(), Failure> {
        let mut missing = Vec::new();
        for object in objects {
            let path = format!(
                "/{study}/series/{}/instances?SOPInstanceUID={}",
                object.series_instance_uid, object.sop_instance_uid
            );
            let (status, document) = self.0.get(&path, "application/dicom+json").await?;
            // PS3.18 table 10.6.3-1: there is none; some services say that they know no such study.
            let is_known = status != StatusCode::NO_CONTENT && status != StatusCode::NOT_FOUND;
            if is_known {
                of_status(status)?;
            }
            let document: Value = serde_json::from_slice(&document).unwrap_or_default();
            let found = document.as_array().into_iter().flatten();
            let mut found = found.map(|instance| &instance[SOP_INSTANCE_UID]["Value"][0]);
            if !is_known || !found.any(|uid| uid.as_str() == Some(&object.sop_instance_uid)) {
                missing.push(UncommittedObject {
                    sop_instance_uid: object.sop_instance_uid.clone(),
                    reason: Status::NO_SUCH_SOP_INSTANCE.0,
                });
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(not_committed(&missing, ledger))
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
fn of_answer(
    status: StatusCode,
    document: &[u8],
    objects: &[&DicomResult],
    ledger: &ObjectLedger,
) -> Result<(), Failure> {
    let outcome = of_status(status);
    if !matches!(status.as_u16(), 200..=299 | 409) {
        return outcome;
    }
    let document: Value = serde_json::from_slice(document).unwrap_or_default();
    let failed = failed_instances(&document);
    let failures = failed.iter().filter_map(FailedInstance::failure);
    // What may pass is tried again, whatever else was refused.
    let worst = failures.min_by_key(|failure| failure.kind == FailureKind::Final);
    let outcome = match worst {
        Some(worst) => Err(worst),
        None if failed.is_empty() => outcome,
        None => Ok(()),
    };
    let stored = items(&document, REFERENCED_SOP_SEQUENCE);
    let stored: Vec<&str> = stored.filter_map(sop_instance_uid).collect();
    for object in objects {
        let uid = Some(object.sop_instance_uid.as_str());
        let failure = failed.iter().find(|failed| failed.uid == uid);
        match failure.map(FailedInstance::failure) {
            Some(None) => ledger.take(object),
            Some(Some(failure)) if failure.kind == FailureKind::Final => ledger.refuse(object, &failure),
            Some(Some(_)) => {}
            None if outcome.is_ok() || uid.is_some_and(|uid| stored.contains(&uid)) => ledger.take(object),
            None => {}
        }
    }
    outcome
}

/// One that the service says it did not store.
struct FailedInstance<'a> {
    uid: Option<&'a str>,
    reason: Status,
}

impl FailedInstance<'_> {
    /// None: it has it from before.
    fn failure(&self) -> Option<Failure> {
        (self.reason != DUPLICATE).then(|| Failure::of_status(self.reason, "an instance failed"))
    }
}

fn failed_instances(document: &Value) -> Vec<FailedInstance<'_>> {
    let failed = items(document, FAILED_SOP_SEQUENCE).map(|item| {
        let reason = item[FAILURE_REASON]["Value"][0].as_u64();
        // One without a reason failed all the same.
        let reason = reason.and_then(|reason| u16::try_from(reason).ok());
        FailedInstance {
            uid: sop_instance_uid(item),
            reason: Status(reason.unwrap_or(0x0110)),
        }
    });
    failed.collect()
}

fn items<'a>(document: &'a Value, sequence: &str) -> impl Iterator<Item = &'a Value> {
    document[sequence]["Value"].as_array().into_iter().flatten()
}

fn sop_instance_uid(item: &Value) -> Option<&str> {
    item[REFERENCED_SOP_INSTANCE_UID]["Value"][0].as_str()
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
            &[],
            &ObjectLedger::default(),
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

    fn object(uid: &str, bytes: &[u8]) -> DicomResult {
        DicomResult {
            name: "report".to_owned(),
            sop_class_uid: String::new(),
            sop_instance_uid: uid.to_owned(),
            series_instance_uid: String::new(),
            bytes: bytes.to_vec(),
        }
    }

    /// What is known of the objects 1 to 5 after an answer: Some(true) for those that the service has.
    fn known_after(status: u16, document: &Value) -> Vec<Option<bool>> {
        let objects: Vec<DicomResult> = (1..=5).map(|uid| object(&uid.to_string(), b"")).collect();
        let sent: Vec<&DicomResult> = objects.iter().collect();
        let ledger = ObjectLedger::default();
        let status = StatusCode::from_u16(status).unwrap();
        let _ = of_answer(status, document.to_string().as_bytes(), &sent, &ledger);
        let said = ledger.said();
        let of = |object: &DicomResult| {
            let known = said
                .iter()
                .find(|known| known.sop_instance_uid == object.sop_instance_uid);
            known.map(|known| known.refusal.is_none())
        };
        objects.iter().map(of).collect()
    }

    #[test]
    fn what_the_service_has_is_known_where_it_says_so() {
        let named = |uid: &str| json!({ REFERENCED_SOP_INSTANCE_UID: { "vr": "UI", "Value": [uid] } });
        let failed = |uid: &str, reason: u16| {
            let mut item = named(uid);
            item[FAILURE_REASON] = json!({ "vr": "US", "Value": [reason] });
            item
        };
        let all = json!({});
        assert_eq!(known_after(200, &all), [Some(true); 5]);
        assert_eq!(known_after(409, &all), [None; 5]);
        assert_eq!(known_after(503, &all), [None; 5]);
        let some = json!({
            FAILED_SOP_SEQUENCE: {
                "vr": "SQ",
                "Value": [failed("1", 0xA900), failed("2", 0xA700), failed("3", 0x0111)],
            },
            REFERENCED_SOP_SEQUENCE: { "vr": "SQ", "Value": [named("4")] },
        });
        let known = [Some(false), None, Some(true), Some(true), None];
        assert_eq!(known_after(202, &some), known);
        assert_eq!(known_after(409, &some), known);
        assert_eq!(known_after(500, &some), [None; 5]);
        let had = json!({ FAILED_SOP_SEQUENCE: { "vr": "SQ", "Value": [failed("1", 0x0111)] } });
        assert_eq!(known_after(202, &had), [Some(true); 5]);
    }

    #[test]
    fn parts_are_files_between_boundaries() {
        let (one, two) = (object("1", b"\r\none"), object("2", b"two"));
        let body = String::from_utf8(body(&[&one, &two], "b")).unwrap();
        assert_eq!(
            body,
            "--b\r\nContent-Type: application/dicom\r\n\r\n\r\none\r\n\
             --b\r\nContent-Type: application/dicom\r\n\r\ntwo\r\n--b--\r\n"
        );
    }
}
