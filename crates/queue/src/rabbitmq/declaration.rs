//! What exists on the broker. Declared at every connection, so that a broker that lost its state gets it back.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};
use norma_domain::Stage;

use crate::QueueError;
use crate::topology::{BINDINGS, Names};

/// AMQP reply code of a declaration that contradicts what exists (AMQP 0.9.1, 1.2 `precondition-failed`).
const PRECONDITION_FAILED: u16 = 406;

/// In practice without limit: a dead letter waits until somebody can write down that its analysis failed.
/// (RabbitMQ 4 knows -1 for "no limit", 3.x refuses it; without any, 4.x drops after 20 deliveries.)
const DEAD_LETTER_DELIVERY_LIMIT: i32 = 1_000_000;

pub(super) async fn declare_topology(
    connection: &Connection,
    names: &Names,
    delivery_limit: u32,
) -> Result<(), QueueError> {
    let channel = connection.create_channel().await?;
    // Durable: survives a restart of the broker. https://www.rabbitmq.com/docs/exchanges#durability
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    for exchange in [names.exchange(), names.dead_letter_exchange()] {
        channel
            .exchange_declare(
                exchange.into(),
                ExchangeKind::Topic,
                durable,
                FieldTable::default(),
            )
            .await?;
    }

    declare_queue(
        connection,
        &names.dead_letter_queue(),
        dead_letter_queue_arguments(),
    )
    .await?;
    bind(
        &channel,
        &names.dead_letter_queue(),
        &names.dead_letter_exchange(),
        "#",
    )
    .await?;

    for stage in Stage::ALL {
        let arguments = stage_queue_arguments(names, delivery_limit);
        declare_queue(connection, &names.queue(stage), arguments).await?;
    }
    for (stage, routing_key) in BINDINGS {
        bind(&channel, &names.queue(stage), &names.exchange(), routing_key).await?;
    }
    channel.close(200, "OK".into()).await?;
    Ok(())
}

fn stage_queue_arguments(names: &Names, delivery_limit: u32) -> FieldTable {
    let mut arguments = quorum_queue();
    // A message that keeps killing its workers is given up after this many returns.
    // https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling
    let delivery_limit = i32::try_from(delivery_limit).unwrap_or(i32::MAX);
    arguments.insert("x-delivery-limit".into(), delivery_limit.into());
    // Where it goes then, and what consumers reject. https://www.rabbitmq.com/docs/dlx
    let exchange = AMQPValue::LongString(names.dead_letter_exchange().into());
    arguments.insert("x-dead-letter-exchange".into(), exchange);
    // The dead letter is removed here only after the dead-letter queue confirmed it; the default, at-most-once,
    // loses it when that queue is not available.
    // https://www.rabbitmq.com/docs/quorum-queues#activating-at-least-once-dead-lettering
    arguments.insert("x-dead-letter-strategy".into(), long_string("at-least-once"));
    // Required by at-least-once dead lettering (same page): a full queue refuses messages (negative confirm, the
    // publisher tries again) and never drops its oldest.
    arguments.insert("x-overflow".into(), long_string("reject-publish"));
    arguments
}

fn dead_letter_queue_arguments() -> FieldTable {
    let mut arguments = quorum_queue();
    arguments.insert("x-delivery-limit".into(), DEAD_LETTER_DELIVERY_LIMIT.into());
    arguments
}

/// Replicated, on disk, counts deliveries. https://www.rabbitmq.com/docs/quorum-queues
fn quorum_queue() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), long_string("quorum"));
    arguments
}

fn long_string(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// On a channel of its own, which the broker closes when the queue exists with other arguments. Such a queue is
/// used as it is: refusing to work because a delivery limit was changed would help nobody.
async fn declare_queue(
    connection: &Connection,
    queue: &str,
    arguments: FieldTable,
) -> Result<(), QueueError> {
    let channel = connection.create_channel().await?;
    match channel
        .queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments)
        .await
    {
        Ok(_) => {
            channel.close(200, "OK".into()).await?;
            Ok(())
        }
        Err(error) if is_precondition_failed(&error) => {
            tracing::warn!(
                queue,
                "the queue exists with other arguments than the settings ask for and is used as it is; \
                 to change it, drain and delete it while the services are down"
            );
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn is_precondition_failed(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == PRECONDITION_FAILED)
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, routing_key: &str) -> Result<(), QueueError> {
    channel
        .queue_bind(
            queue.into(),
            exchange.into(),
            routing_key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await?;
    Ok(())
}

/// Messages ready in a queue. A passive declaration asks without changing anything
/// (<https://www.rabbitmq.com/docs/queues#optional-arguments>).
pub(super) async fn depth(connection: &Connection, queue: &str) -> Result<u64, QueueError> {
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel
        .queue_declare(queue.into(), passive, FieldTable::default())
        .await?;
    channel.close(200, "OK".into()).await?;
    Ok(u64::from(declared.message_count()))
}
