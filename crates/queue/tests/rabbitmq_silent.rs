//! The broker falls silent without closing a connection, as a host does that loses its power, and another takes its
//! place: publishers and consumers find it within half a minute, by the defaults.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with tests that use more of it")]
mod probe;

use std::time::{Duration, Instant};

use norma_domain::Stage;
use norma_queue::{Queue, QueueError, RabbitMqOptions, RabbitMqQueue};
use norma_test_support::servers::{Proxy, RabbitMq};

const RECOVERY: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_replaced_without_a_reset_is_found_again() {
    let Some(broker) = tokio::task::spawn_blocking(RabbitMq::start).await.unwrap() else {
        return;
    };
    let (proxy, url) = Proxy::before(&broker.url());
    let publishing = RabbitMqQueue::start(RabbitMqOptions::new(&url)).unwrap();
    // Over a connection of its own that only listens: nothing is sent that could fail.
    let consuming = RabbitMqQueue::start(RabbitMqOptions::new(&url)).unwrap();
    let mut consumer = consuming.consume(Stage::Preprocess, 1).await.unwrap();
    publishing.publish(&probe::requested()).await.unwrap();
    consumer.next().await.unwrap().ack().await.unwrap();
    publishing.check().await.unwrap();

    proxy.die();
    // What looks like a connection is none.
    assert!(matches!(publishing.check().await, Err(QueueError::Disconnected)));
    assert!(matches!(consuming.check().await, Err(QueueError::Disconnected)));

    let silent_since = Instant::now();
    proxy.recover();
    let envelope = probe::requested();
    publishing.publish(&envelope).await.unwrap();
    let delivery = tokio::time::timeout(RECOVERY, consumer.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(delivery.envelope.message_id, envelope.message_id);
    delivery.ack().await.unwrap();
    assert!(silent_since.elapsed() < RECOVERY, "{:?}", silent_since.elapsed());
    publishing.check().await.unwrap();
    consuming.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_whose_broker_is_silent_ends_in_time() {
    let Some(broker) = tokio::task::spawn_blocking(RabbitMq::start).await.unwrap() else {
        return;
    };
    let (proxy, url) = Proxy::before(&broker.url());
    let queue = RabbitMqQueue::start(RabbitMqOptions::new(&url)).unwrap();
    let mut consumer = queue.consume(Stage::Preprocess, 1).await.unwrap();
    queue.publish(&probe::requested()).await.unwrap();
    consumer.next().await.unwrap().ack().await.unwrap();

    proxy.die();
    let ending = async {
        consumer.stop().await;
        queue.close().await;
    };
    tokio::time::timeout(Duration::from_secs(25), ending)
        .await
        .unwrap();
}
