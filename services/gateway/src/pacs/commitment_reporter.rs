//! Tells peers what is stored of what they asked about, those that did not wait for it: over an association of our own.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures::future::join_all;
use norma_database::ClaimedCommitment;
use norma_dicom_network::{NetworkError, Scu};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::back_off::back_off;
use crate::gateway::Gateway;
use crate::pacs::commitment_peer::CommitmentPeer;
use crate::pacs::commitments::{Ended, LEASE, end, report_of};
use crate::turns::{IDLE, Queue, take_turns};

/// Of an attempt as a whole: less than the lease.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(65);
/// Between two attempts at a transaction.
const LONGEST_PAUSE: Duration = Duration::from_secs(900);

/// Tells the peers of a node.
pub(super) struct CommitmentReporter {
    pub(super) gateway: Arc<Gateway>,
    pub(super) peers: Vec<CommitmentPeer>,
    /// After which a peer that does not take a report is told no more.
    pub(super) give_up: Duration,
}

impl CommitmentReporter {
    /// Tells them until `stopping`.
    pub(super) async fn run(self, stopping: CancellationToken) {
        let queues = self.peers.iter().map(|peer| PeerQueue {
            reporter: &self,
            peer,
        });
        join_all(queues.map(|queue| take_turns(queue, &stopping))).await;
    }

    async fn attempt(
        &self,
        peer: &CommitmentPeer,
        claimed: &ClaimedCommitment,
        stopping: &CancellationToken,
    ) {
        let told = tokio::select! {
            told = timeout(ATTEMPT_LIMIT, tell(peer, claimed)) => told.unwrap_or(Err(NetworkError::Timeout)),
            () = stopping.cancelled() => return self.give_back(claimed, Duration::ZERO).await,
        };
        let Err(error) = told else {
            return end(&self.gateway, claimed, Ended::Reported).await;
        };
        let waited = (Utc::now() - claimed.requested_at).to_std().unwrap_or_default();
        if waited >= self.give_up {
            tracing::error!(
                peer = peer.name,
                attempts = claimed.attempts,
                error = error.chain(),
                "a peer that asked for storage commitment is told no more"
            );
            return end(&self.gateway, claimed, Ended::GivenUp).await;
        }
        let pause = back_off(claimed.attempts, LONGEST_PAUSE);
        tracing::warn!(
            peer = peer.name,
            retry_in_s = pause.as_secs(),
            error = error.chain(),
            "a peer could not be told what is stored"
        );
        self.give_back(claimed, pause).await;
    }

    async fn give_back(&self, claimed: &ClaimedCommitment, pause: Duration) {
        if let Err(error) = self.gateway.database.postpone_commitment(claimed, pause).await {
            // It comes again once the lease is over.
            tracing::warn!(%error, "a transaction of storage commitment could not be given back");
        }
    }

    async fn measure(&self, peer: &CommitmentPeer) {
        let name = || peer.name.clone();
        match self
            .gateway
            .database
            .waiting_commitments(peer.title.to_string())
            .await
        {
            Ok(counts) => {
                metrics::gauge!("norma_pacs_commitments_waiting", "peer" => name())
                    .set(counts.waiting as f64);
                metrics::gauge!("norma_pacs_commitment_oldest_seconds", "peer" => name())
                    .set(counts.oldest.unwrap_or_default().as_secs_f64());
            }
            Err(error) => tracing::warn!(%error, "failed to count transactions of storage commitment"),
        }
    }
}

/// What one peer asked and was not told yet.
struct PeerQueue<'a> {
    reporter: &'a CommitmentReporter,
    peer: &'a CommitmentPeer,
}

impl Queue for PeerQueue<'_> {
    async fn measure(&self) {
        self.reporter.measure(self.peer).await;
    }

    async fn turn(&mut self, stopping: &CancellationToken) -> Duration {
        let database = &self.reporter.gateway.database;
        match database
            .claim_commitment(self.peer.title.to_string(), LEASE)
            .await
        {
            Ok(None) => IDLE,
            Ok(Some(claimed)) => {
                self.reporter.attempt(self.peer, &claimed, stopping).await;
                Duration::ZERO
            }
            Err(error) => {
                tracing::warn!(%error, "failed to look for peers that asked for storage commitment");
                IDLE
            }
        }
    }
}

async fn tell(peer: &CommitmentPeer, claimed: &ClaimedCommitment) -> Result<(), NetworkError> {
    let report = report_of(&claimed.commitment);
    let mut scu = Scu::for_commitment_report(&peer.scu).await?;
    match scu.report(&report).await {
        Ok(()) => {
            // The answer was given before.
            let _ = scu.release().await;
            Ok(())
        }
        Err(error) => {
            scu.abort(&error).await;
            Err(error)
        }
    }
}
