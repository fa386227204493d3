//! Envelopes to and from AMQP properties, headers and body.

use std::time::{SystemTime, UNIX_EPOCH};

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use norma_messages::{Envelope, Headers};
use uuid::Uuid;

use crate::topology::Names;
use crate::{DeadLetterCause, DeadLetterOrigin, QueueError};

/// Written to disk by the broker (AMQP 0.9.1, 4.2.6: delivery-mode 2).
const PERSISTENT: u8 = 2;

pub(super) fn to_properties(envelope: &Envelope) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in envelope.headers.iter() {
        // AMQP limits a header's name to 255 bytes; ours are constants and W3C names.
        if let Ok(name) = ShortString::try_new(name) {
            headers.insert(name, AMQPValue::LongString(value.into()));
        }
    }
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/x-protobuf".into())
        .with_message_id(envelope.message_id.to_string().into())
        .with_type(envelope.message.type_name().into())
        .with_timestamp(seconds)
        .with_headers(headers)
}

pub(super) fn from_delivery(delivery: &Delivery) -> Result<Envelope, QueueError> {
    let properties = &delivery.properties;
    let type_name = properties.kind().as_ref().map_or("", ShortString::as_str);
    // A message without a readable id is not ours; it still gets one, to be talked about.
    let message_id = properties
        .message_id()
        .as_ref()
        .and_then(|id| id.as_str().parse().ok())
        .unwrap_or_else(Uuid::now_v7);
    let headers: Headers = header_table(delivery)
        .into_iter()
        .flat_map(FieldTable::inner)
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
        .filter(|(name, _)| !name.starts_with("x-"))
        .collect();
    Ok(Envelope::decode(message_id, type_name, &delivery.data, headers)?)
}

/// 1 for the first delivery. A quorum queue counts the returns in `x-delivery-count`
/// (<https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling>).
pub(super) fn attempt(delivery: &Delivery) -> u32 {
    header(delivery, "x-delivery-count")
        .and_then(integer)
        .and_then(|count| u32::try_from(count).ok())
        .unwrap_or(0)
        .saturating_add(1)
}

/// Read from the headers that dead lettering adds (<https://www.rabbitmq.com/docs/dlx#effects>).
pub(super) fn dead_letter_origin(delivery: &Delivery, names: &Names) -> Option<DeadLetterOrigin> {
    let cause = header(delivery, "x-first-death-reason").and_then(text)?;
    let queue = header(delivery, "x-first-death-queue").and_then(text);
    Some(DeadLetterOrigin {
        stage: queue.and_then(|queue| names.stage(&queue)),
        cause: match cause.as_str() {
            "delivery_limit" => DeadLetterCause::DeliveryLimit,
            "rejected" => DeadLetterCause::Rejected,
            _ => DeadLetterCause::Unknown,
        },
    })
}

fn header_table(delivery: &Delivery) -> Option<&FieldTable> {
    delivery.properties.headers().as_ref()
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> Option<&'a AMQPValue> {
    header_table(delivery)?.inner().get(name)
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok().map(str::to_owned),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

fn integer(value: &AMQPValue) -> Option<i64> {
    match value {
        AMQPValue::ShortShortInt(value) => Some(i64::from(*value)),
        AMQPValue::ShortShortUInt(value) => Some(i64::from(*value)),
        AMQPValue::ShortInt(value) => Some(i64::from(*value)),
        AMQPValue::ShortUInt(value) => Some(i64::from(*value)),
        AMQPValue::LongInt(value) => Some(i64::from(*value)),
        AMQPValue::LongUInt(value) => Some(i64::from(*value)),
        AMQPValue::LongLongInt(value) => Some(*value),
        _ => None,
    }
}
