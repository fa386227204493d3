//! The broker goes away under load and comes back: nothing that was confirmed is lost, and nobody needs a restart.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod probe;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use norma_domain::Stage;
use norma_queue::{Consumer, Queue, RabbitMqOptions, RabbitMqQueue};
use norma_test_support::servers::RabbitMq;
use tokio::task::JoinHandle;
use uuid::Uuid;

const MESSAGES_PER_PUBLISHER: usize = 150;
const PUBLISHERS: usize = 2;

fn start_queue(broker: &RabbitMq, name: &str) -> Arc<RabbitMqQueue> {
    let queue = RabbitMqQueue::start(RabbitMqOptions {
        connection_name: name.to_owned(),
        // The broker's absences count as deliveries of what was in hand.
        delivery_limit: 20,
        publish_timeout: Duration::from_secs(120),
        ..RabbitMqOptions::new(broker.url())
    });
    Arc::new(queue.unwrap())
}

/// Publishes at a steady pace; every publish returns only after its confirm.
fn spawn_publisher(queue: Arc<RabbitMqQueue>) -> JoinHandle<BTreeSet<Uuid>> {
    tokio::spawn(async move {
        let mut confirmed = BTreeSet::new();
        for _ in 0..MESSAGES_PER_PUBLISHER {
            let envelope = probe::requested();
            queue.publish(&envelope).await.expect("it is published in time");
            confirmed.insert(envelope.message_id);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        confirmed
    })
}

/// Acknowledges everything; ends when nothing came for a while after `enough`.
fn spawn_consumer(mut consumer: Box<dyn Consumer>) -> JoinHandle<BTreeSet<Uuid>> {
    tokio::spawn(async move {
        let mut received = BTreeSet::new();
        while let Some(delivery) = consumer.next().await {
            let message_id = delivery.envelope.message_id;
            tokio::time::sleep(Duration::from_millis(5)).await;
            // A lost acknowledgement only means that the message comes again.
            if delivery.ack().await.is_ok() {
                received.insert(message_id);
            }
        }
        received
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_restarted_under_load_loses_nothing() {
    let Some(mut broker) = tokio::task::spawn_blocking(RabbitMq::start).await.unwrap() else {
        return;
    };
    let publishing = start_queue(&broker, "publishing");
    let consuming = start_queue(&broker, "consuming");
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|_| spawn_publisher(Arc::clone(&publishing)))
        .collect();
    let consumers = [
        spawn_consumer(consuming.consume(Stage::Preprocess, 1).await.unwrap()),
        spawn_consumer(consuming.consume(Stage::Preprocess, 4).await.unwrap()),
    ];

    // Once as an operator does it, once by kill -9.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let broker = tokio::task::spawn_blocking(move || {
        broker.stop();
        broker.start_again().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        broker.kill();
        broker.start_again().unwrap();
        broker
    })
    .await
    .unwrap();

    let mut confirmed = BTreeSet::new();
    for publisher in publishers {
        confirmed.extend(publisher.await.unwrap());
    }
    assert_eq!(confirmed.len(), PUBLISHERS * MESSAGES_PER_PUBLISHER);

    let observer = start_queue(&broker, "observing");
    wait_until_drained(&observer).await;
    consuming.close().await;
    let mut received = BTreeSet::new();
    for consumer in consumers {
        received.extend(consumer.await.unwrap());
    }
    let lost = confirmed.difference(&received).count();
    assert_eq!(lost, 0, "confirmed but never received");
    probe::wait_for_depth(&*observer, Stage::Preprocess, 0).await;
    assert_eq!(observer.dead_letter_depth().await.unwrap(), 0);
}

async fn wait_until_drained(queue: &RabbitMqQueue) {
    let started = Instant::now();
    let mut empty_since: Option<Instant> = None;
    while empty_since.is_none_or(|since| since.elapsed() < Duration::from_secs(2)) {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "the queue is not drained"
        );
        match queue.depth(Stage::Preprocess).await {
            Ok(0) => _ = empty_since.get_or_insert_with(Instant::now),
            _ => empty_since = None,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
