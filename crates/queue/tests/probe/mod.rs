//! What every test of a queue needs.

use std::time::{Duration, Instant};

use norma_domain::{AnalysisId, ScanId, Stage};
use norma_messages::{Envelope, Message};
use norma_queue::Queue;

/// Long enough for a broker on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn requested() -> Envelope {
    Envelope::new(Message::AnalyzeRequested {
        analysis_id: AnalysisId::generate(),
        scan_id: ScanId::generate(),
    })
}

/// Depth follows the messages with a delay on a broker.
pub(crate) async fn wait_for_depth(queue: &dyn Queue, stage: Stage, expected: u64) {
    let started = Instant::now();
    while queue.depth(stage).await.unwrap() != expected {
        assert!(
            started.elapsed() < PATIENCE,
            "depth of {stage} never was {expected}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
