//! The in-process queue keeps the contract.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod contract;
mod probe;

use norma_queue::{InProcessQueue, Queue, QueueError};

// Async like the broker's, so that the contract's tests can be the same.
async fn empty_queue() -> Option<InProcessQueue> {
    Some(InProcessQueue::new(contract::DELIVERY_LIMIT))
}

contract::contract_tests!(empty_queue);

#[tokio::test]
async fn a_closed_queue_ends_its_consumers() {
    let queue = InProcessQueue::new(1);
    let mut consumer = queue.consume(norma_domain::Stage::Report, 1).await.unwrap();
    let waiting = tokio::spawn(async move { consumer.next().await.is_none() });
    tokio::task::yield_now().await;
    queue.close().await;
    assert!(waiting.await.unwrap());
    assert!(matches!(
        queue.publish(&probe::requested()).await,
        Err(QueueError::Closed)
    ));
}
