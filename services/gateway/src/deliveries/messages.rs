//! Answers as documents that are posted: FHIR and webhooks.

use chrono::Utc;
use norma_database::DatabaseError;
use norma_result_messages::{Told, transaction, webhook};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use secrecy::{ExposeSecret as _, SecretString};

use crate::deliveries::http_service::{HttpService, of_status};
use crate::peer_failure::Failure;

const FHIR_JSON: &str = "application/fhir+json";

/// Posts the transaction to the server's base. It is taken as a whole or not at all.
pub(super) async fn post_transaction(
    service: &HttpService,
    told: &Told<'_>,
    before: impl Future<Output = Result<(), DatabaseError>> + Send + 'static,
) -> Result<(), Failure> {
    let body = transaction(told).to_string().into_bytes();
    let headers = [
        (ACCEPT, FHIR_JSON.to_owned()),
        (CONTENT_TYPE, FHIR_JSON.to_owned()),
    ];
    let (status, _) = service.post(body, headers, before).await?;
    of_status(status)
}

/// Posts the webhook, signed for this moment.
pub(super) async fn post_webhook(
    service: &HttpService,
    secret: &SecretString,
    told: &Told<'_>,
    before: impl Future<Output = Result<(), DatabaseError>> + Send + 'static,
) -> Result<(), Failure> {
    let request = webhook(told, secret.expose_secret().as_bytes(), Utc::now());
    let [id, timestamp, signature] = request
        .headers
        .map(|(name, value)| (HeaderName::from_static(name), value));
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        id,
        timestamp,
        signature,
    ];
    let (status, _) = service.post(request.body, headers, before).await?;
    of_status(status)
}
