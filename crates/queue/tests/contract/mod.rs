//! What both sides of the port promise. Each function gets an empty queue whose delivery limit is
//! [`DELIVERY_LIMIT`].

use std::collections::BTreeSet;
use std::time::Duration;

use norma_domain::{AnalysisId, Reason, ReasonCode, ScanId, Stage};
use norma_messages::{Envelope, Headers, Message};
use norma_queue::{Consumer, DeadLetterCause, Delivery, Queue};

use crate::probe::{PATIENCE, requested, wait_for_depth};

pub(crate) const DELIVERY_LIMIT: u32 = 2;

/// How long "nothing comes" is watched for.
const SILENCE: Duration = Duration::from_millis(300);

async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
    tokio::time::timeout(PATIENCE, consumer.next())
        .await
        .expect("a message comes in time")
        .expect("the consumer is not stopped")
}

async fn assert_nothing_comes(consumer: &mut Box<dyn Consumer>) {
    assert!(
        tokio::time::timeout(SILENCE, consumer.next()).await.is_err(),
        "nothing more should come"
    );
}

async fn assert_empty(queue: &dyn Queue) {
    for stage in Stage::ALL {
        assert_eq!(queue.depth(stage).await.unwrap(), 0, "{stage}");
    }
    assert_eq!(queue.dead_letter_depth().await.unwrap(), 0, "dead letters");
}

pub(crate) async fn every_subscriber_gets_the_message_once(queue: &dyn Queue) {
    let analysis_id = AnalysisId::generate();
    let scan_id = ScanId::generate();
    let mut headers = Headers::default();
    headers.insert(
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    );
    let envelope = Envelope::with_headers(Message::StudyPrepared { analysis_id, scan_id }, headers);
    queue.publish(&envelope).await.unwrap();
    for stage in Stage::MODELS {
        let mut consumer = queue.consume(stage, 1).await.unwrap();
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.envelope, envelope);
        assert_eq!(delivery.attempt, 1);
        assert!(delivery.dead_letter.is_none());
        delivery.ack().await.unwrap();
        assert_nothing_comes(&mut consumer).await;
        consumer.stop().await;
    }
    assert_empty(queue).await;
}

pub(crate) async fn the_reason_of_a_failure_arrives(queue: &dyn Queue) {
    let envelope = Envelope::new(Message::StageFailed {
        analysis_id: AnalysisId::generate(),
        scan_id: ScanId::generate(),
        stage: Stage::Preprocess,
        reason: Reason::new(ReasonCode::NoLungs, "no lungs were found"),
    });
    queue.publish(&envelope).await.unwrap();
    let mut consumer = queue.consume(Stage::Report, 1).await.unwrap();
    let delivery = next(&mut consumer).await;
    assert_eq!(delivery.envelope.message, envelope.message);
    delivery.ack().await.unwrap();
    consumer.stop().await;
    assert_empty(queue).await;
}

pub(crate) async fn a_returned_message_comes_again_until_the_limit(queue: &dyn Queue) {
    let envelope = requested();
    queue.publish(&envelope).await.unwrap();
    let mut consumer = queue.consume(Stage::Preprocess, 1).await.unwrap();
    for attempt in 1..=DELIVERY_LIMIT + 1 {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.envelope.message_id, envelope.message_id);
        assert_eq!(delivery.attempt, attempt);
        delivery.retry().await.unwrap();
    }
    assert_nothing_comes(&mut consumer).await;
    consumer.stop().await;

    let mut dead_letters = queue.consume_dead_letters(1).await.unwrap();
    let delivery = next(&mut dead_letters).await;
    assert_eq!(delivery.envelope.message, envelope.message);
    let origin = delivery
        .dead_letter
        .clone()
        .expect("a dead letter says where it came from");
    assert_eq!(origin.stage, Some(Stage::Preprocess));
    assert_eq!(origin.cause, DeadLetterCause::DeliveryLimit);
    // A dead letter is not lost when its failure cannot be written down right now.
    delivery.retry().await.unwrap();
    let delivery = next(&mut dead_letters).await;
    assert_eq!(delivery.envelope.message, envelope.message);
    assert!(delivery.dead_letter.is_some());
    delivery.ack().await.unwrap();
    dead_letters.stop().await;
    assert_empty(queue).await;
}

pub(crate) async fn a_rejected_message_is_a_dead_letter_at_once(queue: &dyn Queue) {
    let envelope = requested();
    queue.publish(&envelope).await.unwrap();
    let mut consumer = queue.consume(Stage::Preprocess, 1).await.unwrap();
    next(&mut consumer).await.reject().await.unwrap();
    assert_nothing_comes(&mut consumer).await;
    consumer.stop().await;
    let mut dead_letters = queue.consume_dead_letters(1).await.unwrap();
    let delivery = next(&mut dead_letters).await;
    assert_eq!(delivery.envelope.message, envelope.message);
    assert_eq!(
        delivery.dead_letter.as_ref().unwrap().cause,
        DeadLetterCause::Rejected
    );
    delivery.ack().await.unwrap();
    dead_letters.stop().await;
    assert_empty(queue).await;
}

pub(crate) async fn a_dropped_delivery_comes_again(queue: &dyn Queue) {
    queue.publish(&requested()).await.unwrap();
    let mut consumer = queue.consume(Stage::Preprocess, 1).await.unwrap();
    drop(next(&mut consumer).await);
    let delivery = next(&mut consumer).await;
    assert_eq!(delivery.attempt, 2);
    delivery.ack().await.unwrap();
    consumer.stop().await;
    assert_empty(queue).await;
}

pub(crate) async fn no_more_than_the_prefetch_is_unsettled(queue: &dyn Queue) {
    for _ in 0..3 {
        queue.publish(&requested()).await.unwrap();
    }
    let mut consumer = queue.consume(Stage::Preprocess, 2).await.unwrap();
    let first = next(&mut consumer).await;
    let second = next(&mut consumer).await;
    assert_nothing_comes(&mut consumer).await;
    first.ack().await.unwrap();
    let third = next(&mut consumer).await;
    second.ack().await.unwrap();
    third.ack().await.unwrap();
    consumer.stop().await;
    assert_empty(queue).await;
}

pub(crate) async fn consumers_of_a_stage_share_its_messages(queue: &dyn Queue) {
    let mut published = BTreeSet::new();
    for _ in 0..20 {
        let envelope = requested();
        published.insert(envelope.message_id);
        queue.publish(&envelope).await.unwrap();
    }
    let mut one = queue.consume(Stage::Preprocess, 1).await.unwrap();
    let mut other = queue.consume(Stage::Preprocess, 1).await.unwrap();
    let mut received = BTreeSet::new();
    while received.len() < published.len() {
        let delivery = tokio::time::timeout(PATIENCE, async {
            tokio::select! { delivery = one.next() => delivery, delivery = other.next() => delivery }
        })
        .await
        .expect("every message comes")
        .expect("the consumers are not stopped");
        assert!(received.insert(delivery.envelope.message_id), "came twice");
        delivery.ack().await.unwrap();
    }
    assert_eq!(received, published);
    one.stop().await;
    other.stop().await;
    assert_empty(queue).await;
}

pub(crate) async fn a_stopped_consumer_leaves_the_rest_to_others(queue: &dyn Queue) {
    for _ in 0..3 {
        queue.publish(&requested()).await.unwrap();
    }
    let mut stopping = queue.consume(Stage::Preprocess, 2).await.unwrap();
    let in_hand = next(&mut stopping).await;
    stopping.stop().await;
    assert!(stopping.next().await.is_none());
    // What was handed out before can still be finished.
    in_hand.ack().await.unwrap();
    drop(stopping);
    let mut other = queue.consume(Stage::Preprocess, 1).await.unwrap();
    for _ in 0..2 {
        next(&mut other).await.ack().await.unwrap();
    }
    assert_nothing_comes(&mut other).await;
    other.stop().await;
    assert_empty(queue).await;
}

pub(crate) async fn depth_counts_what_waits(queue: &dyn Queue) {
    queue.check().await.unwrap();
    for _ in 0..3 {
        queue.publish(&requested()).await.unwrap();
    }
    wait_for_depth(queue, Stage::Preprocess, 3).await;
    let mut consumer = queue.consume(Stage::Preprocess, 3).await.unwrap();
    for _ in 0..3 {
        next(&mut consumer).await.ack().await.unwrap();
    }
    consumer.stop().await;
    assert_empty(queue).await;
}

/// One test per promise, for the side that `make` builds. `make` gives None where the side cannot be had here.
macro_rules! contract_tests {
    ($make:path) => {
        $crate::contract::contract_tests!(
            $make,
            every_subscriber_gets_the_message_once,
            the_reason_of_a_failure_arrives,
            a_returned_message_comes_again_until_the_limit,
            a_rejected_message_is_a_dead_letter_at_once,
            a_dropped_delivery_comes_again,
            no_more_than_the_prefetch_is_unsettled,
            consumers_of_a_stage_share_its_messages,
            a_stopped_consumer_leaves_the_rest_to_others,
            depth_counts_what_waits
        );
    };
    ($make:path, $($promise:ident),+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                if let Some(queue) = $make().await {
                    contract::$promise(&queue).await;
                }
            }
        )+
    };
}
pub(crate) use contract_tests;
