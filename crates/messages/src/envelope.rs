use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use crate::{Headers, Message, MessageError};

/// Header with the time at which the message was made, RFC 3339 in UTC.
const OCCURRED_AT: &str = "norma-occurred-at";

/// A message and what travels beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The same for every delivery of the same message.
    pub message_id: Uuid,
    /// Holds the time of making and the trace context.
    pub headers: Headers,
    pub message: Message,
}

impl Envelope {
    /// A new message, made now, outside of any trace.
    pub fn new(message: Message) -> Self {
        Self::with_headers(message, Headers::default())
    }

    /// A new message, made now, with headers (the trace context).
    pub fn with_headers(message: Message, mut headers: Headers) -> Self {
        headers.insert(
            OCCURRED_AT,
            Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true),
        );
        Self {
            message_id: Uuid::now_v7(),
            headers,
            message,
        }
    }

    /// Reads what came over the wire or from the outbox.
    pub fn decode(
        message_id: Uuid,
        type_name: &str,
        payload: &[u8],
        headers: Headers,
    ) -> Result<Self, MessageError> {
        Ok(Self {
            message_id,
            headers,
            message: Message::decode(type_name, payload)?,
        })
    }

    /// When the message was made; None where its header is missing or unreadable.
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        let text = self.headers.get(OCCURRED_AT)?;
        Some(DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc))
    }
}

#[cfg(test)]
mod tests {
    use norma_domain::{AnalysisId, ScanId};

    use super::*;

    #[test]
    fn an_envelope_knows_when_it_was_made() {
        let before = Utc::now();
        let envelope = Envelope::new(Message::StudyPrepared {
            analysis_id: AnalysisId::generate(),
            scan_id: ScanId::generate(),
        });
        let made = envelope.occurred_at().unwrap();
        assert!((made - before).num_seconds().abs() < 5);
    }
}
