//! A request that says how an analysis ended, signed as Standard Webhooks 1.0.0 has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha2::Sha256;

use crate::told::Told;
use crate::triage;

/// What is posted.
pub struct WebhookRequest {
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    pub headers: [(&'static str, String); 3],
    /// JSON.
    pub body: Vec<u8>,
}

/// The request, signed with `secret` at `now`. Its id stays the same when it is sent again.
pub fn webhook(told: &Told<'_>, secret: &[u8], now: DateTime<Utc>) -> WebhookRequest {
    let Told { report, study } = *told;
    let body = json!({
        "type": "analysis.completed",
        "timestamp": told.finished_at().to_rfc3339(),
        "data": {
            "analysis_id": report.analysis_id,
            "scan_id": report.scan_id,
            "verdict": report.verdict.as_str(),
            "triage": triage::flag(report.verdict),
            // Nobody has verified it.
            "status": "preliminary",
            "study": {
                "study_instance_uid": study.study_instance_uid,
                "accession_number": study.accession_number,
                "patient_id": study.patient_id,
                "issuer_of_patient_id": study.issuer_of_patient_id,
            },
            "report": report,
        },
    });
    let body = body.to_string().into_bytes();
    let id = format!("analysis.completed-{}", report.analysis_id);
    let timestamp = now.timestamp().to_string();
    let signature = sign(secret, &id, &timestamp, &body);
    WebhookRequest {
        headers: [
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signature),
        ],
        body,
    }
}

fn sign(secret: &[u8], id: &str, timestamp: &str, body: &[u8]) -> String {
    // A key of any length is one.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            sign(
                &secret,
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "1614265330",
                br#"{"test": 2432232314}"#
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }
}
