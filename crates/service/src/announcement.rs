use norma_database::OutboxMessage;
use norma_messages::{Envelope, Message, MessageError};

use crate::telemetry::current_trace_headers;

/// The outbox row that announces a fact, part of the current trace. Written by the database in the transaction of the
/// change that it announces.
pub fn announce(message: Message) -> OutboxMessage {
    let envelope = Envelope::with_headers(message, current_trace_headers());
    OutboxMessage {
        message_id: envelope.message_id,
        routing_key: envelope.message.routing_key(),
        type_name: envelope.message.type_name().to_owned(),
        payload: envelope.message.encode(),
        headers: envelope.headers.into(),
    }
}

/// What a relay publishes for an outbox row.
pub(crate) fn envelope_of(row: OutboxMessage) -> Result<Envelope, MessageError> {
    Envelope::decode(row.message_id, &row.type_name, &row.payload, row.headers.into())
}

#[cfg(test)]
mod tests {
    use norma_domain::{AnalysisId, ScanId};

    use super::*;

    #[test]
    fn a_row_becomes_the_message_that_was_announced() {
        let message = Message::StudyPrepared {
            analysis_id: AnalysisId::generate(),
            scan_id: ScanId::generate(),
        };
        let row = announce(message.clone());
        assert_eq!(row.routing_key, "study.prepared");
        let envelope = envelope_of(row).unwrap();
        assert_eq!(envelope.message, message);
        assert!(envelope.occurred_at().is_some());
    }
}
