//! Destinations tell over associations of their own what they have stored.

use std::collections::BTreeMap;

use async_trait::async_trait;
use norma_database::Database;
use norma_dicom_network::{AeTitle, CommitmentOutcome, OutcomeListener, Status};

use crate::deliveries::commitment::uncommitted_of;

/// Keeps what destinations tell.
pub(crate) struct CommitmentOutcomes {
    database: Database,
    /// Names of those that are asked, by their title.
    asked: BTreeMap<AeTitle, Vec<String>>,
}

impl CommitmentOutcomes {
    pub(crate) fn new(database: Database, asked: Vec<(AeTitle, String)>) -> Self {
        let mut by_title: BTreeMap<AeTitle, Vec<String>> = BTreeMap::new();
        for (title, name) in asked {
            by_title.entry(title).or_default().push(name);
        }
        Self {
            database,
            asked: by_title,
        }
    }
}

#[async_trait]
impl OutcomeListener for CommitmentOutcomes {
    fn expects(&self, calling: &AeTitle) -> bool {
        self.asked.contains_key(calling)
    }

    async fn told(&self, outcome: CommitmentOutcome, calling: &AeTitle) -> Result<(), Status> {
        let names = self.asked.get(calling).cloned().unwrap_or_default();
        let uncommitted = uncommitted_of(&outcome);
        let failed = uncommitted.len();
        let noting = self
            .database
            .note_commitment_answer(outcome.transaction_uid, names, uncommitted);
        match noting.await {
            Ok(true) => {
                tracing::info!(%calling, committed = outcome.committed.len(), failed, "a destination told what it has stored");
                Ok(())
            }
            // Asked anew since, or never: it need not be told again.
            Ok(false) => {
                tracing::warn!(%calling, "a destination told of what it was not asked");
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%calling, %error, "what a destination has stored could not be kept");
                Err(Status::PROCESSING_FAILURE)
            }
        }
    }
}
