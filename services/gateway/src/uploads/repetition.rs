//! Uploads that may be sent again: `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).

use std::time::Duration;

use actix_web::HttpRequest;
use norma_access::sha256;
use norma_database::{Database, Repetition, RequestKey};
use norma_service::repeat;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::gateway::Gateway;
use crate::identity::Access;
use crate::problem::ApiError;
use crate::uploads::receive::Upload;

const HEADER: &str = "idempotency-key";
const LONGEST_KEY: usize = 255;
/// How often a request that is carried out says so.
const RENEWAL: Duration = Duration::from_secs(5);
/// One that said nothing for so long is taken for dead. If it lives nonetheless, it makes nothing any more.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a key is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
const FORGETTING_INTERVAL: Duration = Duration::from_secs(3600);

/// What an upload is: a first one, or one that was sent before.
pub(crate) enum Sent {
    /// To be carried out, and its key to be noted with what comes of it.
    First(KeyInHand),
    /// The scan or prediction that came of the first.
    Again(Uuid),
}

/// The key of a request that is carried out: while this is held, the same request again is told to wait.
pub(crate) struct KeyInHand {
    key: Option<RequestKey>,
    renewing: Option<JoinHandle<()>>,
}

impl KeyInHand {
    fn of(database: Database, key: RequestKey) -> Self {
        Self {
            renewing: Some(tokio::spawn(renew(database, key.clone()))),
            key: Some(key),
        }
    }

    /// To be noted with what comes of the request.
    pub(crate) fn key(&self) -> Option<RequestKey> {
        self.key.clone()
    }

    /// After a failure: the same request again is the first again.
    pub(crate) async fn forget(self, gateway: &Gateway) {
        let Some(key) = self.key() else { return };
        if let Err(error) = gateway.database.forget_request(key).await {
            tracing::warn!(%error, "the key of a request that failed could not be forgotten");
        }
    }
}

impl Drop for KeyInHand {
    fn drop(&mut self) {
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
    }
}

async fn renew(database: Database, key: RequestKey) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        if let Err(error) = database.renew_request(key.clone()).await {
            tracing::warn!(%error, "the key of a request could not be renewed");
        }
    }
}

/// Looks the key of an upload up. `wish`: what else the request asks for.
pub(crate) async fn look_up(
    gateway: &Gateway,
    request: &HttpRequest,
    access: &Access,
    upload: &Upload,
    wish: &str,
) -> Result<Sent, ApiError> {
    let Some(key) = key_of(request)? else {
        let nothing = KeyInHand {
            key: None,
            renewing: None,
        };
        return Ok(Sent::First(nothing));
    };
    let key = RequestKey {
        owner: access.caller.owner(),
        key,
        holder: Uuid::now_v7(),
    };
    let fingerprint = hex::encode(sha256(format!("{wish}\n{}", upload.fingerprint()).as_bytes()));
    match gateway
        .database
        .begin_request(key.clone(), fingerprint, PATIENCE)
        .await?
    {
        Repetition::First => Ok(Sent::First(KeyInHand::of(gateway.database.clone(), key))),
        Repetition::Of(id) => Ok(Sent::Again(id)),
        Repetition::Running => Err(ApiError::RequestRunning),
        Repetition::Other => Err(ApiError::IdempotencyKeyReused),
    }
}

/// Forgets old keys until `stopping`.
pub(crate) async fn run_forgetting(database: Database, stopping: CancellationToken) {
    repeat(FORGETTING_INTERVAL, &stopping, || async {
        if let Err(error) = database.prune_requests(REMEMBERED).await {
            tracing::warn!(%error, "failed to forget the keys of old requests");
        }
    })
    .await;
}

fn key_of(request: &HttpRequest) -> Result<Option<String>, ApiError> {
    let Some(value) = request.headers().get(HEADER) else {
        return Ok(None);
    };
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(ApiError::InvalidParameter {
            parameter: "Idempotency-Key".to_owned(),
            detail: format!(
                "1 to {LONGEST_KEY} visible ASCII characters, the same whenever the request is repeated"
            ),
        });
    }
    Ok(Some(key.to_owned()))
}
