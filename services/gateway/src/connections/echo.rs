//! Whether a peer is there and lets this node in (C-ECHO).

use std::time::{Duration, Instant};

use norma_dicom_network::{NetworkError, Scu, ScuOptions};

use crate::connections::peers::Peer;
use crate::peer_failure::Failure;

/// Somebody waits for the answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    pub duration: Duration,
    /// Why it is not there for this node, and what it answered; None: it is.
    pub failure: Option<(&'static str, Option<String>)>,
}

impl Peer {
    pub fn can_echo(&self) -> bool {
        self.scu.is_some()
    }

    /// None of one that does not speak DICOM over the network.
    pub async fn echo(&self) -> Option<Echo> {
        let options = ScuOptions {
            answer_timeout: ANSWERED_WITHIN,
            ..self.scu.clone()?
        };
        let begun = Instant::now();
        let answered = tokio::time::timeout(2 * ANSWERED_WITHIN, ask(&options)).await;
        let failure = match answered {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(NetworkError::Timeout),
        };
        Some(Echo {
            duration: begun.elapsed(),
            failure: failure.map(|error| {
                let failure = Failure::from(&error);
                (failure.code, failure.peer_status)
            }),
        })
    }
}

async fn ask(options: &ScuOptions) -> Result<(), NetworkError> {
    let mut association = Scu::for_verification(options).await?;
    association.echo().await?;
    association.release().await
}
