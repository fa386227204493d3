//! RabbitMQ keeps the contract, and what only a broker can do wrong.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod contract;
mod probe;

use std::time::Duration;

use lapin::options::{BasicPublishOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use norma_domain::Stage;
use norma_queue::{Queue, QueueError, RabbitMqOptions, RabbitMqQueue};
use norma_test_support::servers::RabbitMq;
use uuid::Uuid;

fn options(broker: &RabbitMq) -> RabbitMqOptions {
    RabbitMqOptions {
        // Tests share a broker, each with names of its own.
        prefix: format!("test-{}", Uuid::now_v7()),
        delivery_limit: contract::DELIVERY_LIMIT,
        ..RabbitMqOptions::new(broker.url())
    }
}

async fn empty_queue() -> Option<RabbitMqQueue> {
    let broker = tokio::task::spawn_blocking(RabbitMq::shared).await.unwrap()?;
    Some(connected(options(broker)).await)
}

async fn connected(options: RabbitMqOptions) -> RabbitMqQueue {
    let queue = RabbitMqQueue::start(options).unwrap();
    tokio::time::timeout(Duration::from_secs(30), async {
        while queue.check().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the broker is reached");
    queue
}

contract::contract_tests!(empty_queue);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_cannot_be_read_is_put_aside_and_stops_nobody() {
    let Some(broker) = tokio::task::spawn_blocking(RabbitMq::shared).await.unwrap() else {
        return;
    };
    let options = options(broker);
    let queue = connected(options.clone()).await;
    let connection = Connection::connect(&options.url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel
        .basic_publish(
            format!("{}.pipeline", options.prefix).into(),
            "analysis.requested".into(),
            BasicPublishOptions::default(),
            b"not protobuf",
            BasicProperties::default().with_headers(FieldTable::default()),
        )
        .await
        .unwrap();
    let readable = probe::requested();
    queue.publish(&readable).await.unwrap();
    let mut consumer = queue.consume(Stage::Preprocess, 1).await.unwrap();
    let delivery = consumer.next().await.unwrap();
    assert_eq!(delivery.envelope, readable);
    delivery.ack().await.unwrap();
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_somebody_deleted_comes_back() {
    let Some(broker) = tokio::task::spawn_blocking(RabbitMq::shared).await.unwrap() else {
        return;
    };
    let options = options(broker);
    let queue = connected(options.clone()).await;
    let mut consumer = queue.consume(Stage::Preprocess, 1).await.unwrap();
    queue.publish(&probe::requested()).await.unwrap();
    consumer.next().await.unwrap().ack().await.unwrap();

    let connection = Connection::connect(&options.url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let name = format!("{}.preprocess", options.prefix);
    channel
        .queue_delete(name.into(), QueueDeleteOptions::default())
        .await
        .unwrap();
    let envelope = probe::requested();
    let (published, delivery) = tokio::time::timeout(probe::PATIENCE, async {
        tokio::join!(queue.publish(&envelope), consumer.next())
    })
    .await
    .expect("both go on");
    published.unwrap();
    let delivery = delivery.unwrap();
    assert_eq!(delivery.envelope, envelope);
    delivery.ack().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_returns_what_is_unsettled() {
    let Some(broker) = tokio::task::spawn_blocking(RabbitMq::shared).await.unwrap() else {
        return;
    };
    let options = options(broker);
    let queue = connected(options.clone()).await;
    queue.publish(&probe::requested()).await.unwrap();
    let mut consumer = queue.consume(Stage::Preprocess, 1).await.unwrap();
    let unsettled = consumer.next().await.unwrap();
    queue.close().await;
    assert!(matches!(queue.check().await, Err(QueueError::Closed)));
    assert!(consumer.next().await.is_none());
    assert!(matches!(unsettled.ack().await, Err(QueueError::DeliveryLost)));

    let other = connected(options).await;
    let mut consumer = other.consume(Stage::Preprocess, 1).await.unwrap();
    let again = consumer.next().await.unwrap();
    assert_eq!(again.attempt, 2);
    again.ack().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_delivery_limit_does_not_stop_the_service() {
    let Some(broker) = tokio::task::spawn_blocking(RabbitMq::shared).await.unwrap() else {
        return;
    };
    let options = options(broker);
    connected(options.clone()).await.close().await;
    let changed = RabbitMqOptions {
        delivery_limit: contract::DELIVERY_LIMIT + 1,
        ..options
    };
    let queue = connected(changed).await;
    queue.publish(&probe::requested()).await.unwrap();
    probe::wait_for_depth(&queue, Stage::Preprocess, 1).await;
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_without_being_printed() {
    let refused = RabbitMqQueue::start(RabbitMqOptions::new("amqp//norma:hidden@broker"));
    let error = refused.err().unwrap();
    assert!(matches!(error, QueueError::InvalidUrl(_)));
    assert!(!format!("{error} {error:?}").contains("hidden"));
}

#[tokio::test]
async fn without_a_broker_a_publish_gives_up_at_its_deadline() {
    // Nothing listens on the discard port of loopback.
    let queue = RabbitMqQueue::start(RabbitMqOptions {
        publish_timeout: Duration::from_millis(400),
        ..RabbitMqOptions::new("amqp://127.0.0.1:9/%2f")
    })
    .unwrap();
    assert!(matches!(queue.check().await, Err(QueueError::Disconnected)));
    let started = std::time::Instant::now();
    let outcome = queue.publish(&probe::requested()).await;
    assert!(matches!(outcome, Err(QueueError::PublishTimeout(..))));
    assert!(started.elapsed() < Duration::from_secs(5));
}
