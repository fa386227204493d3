//! Which stage hears of what. One table for both sides of the port.

use norma_domain::Stage;

/// Queue of a stage ← routing keys, in the pattern language of an AMQP topic exchange (`*` is one word).
pub(crate) const BINDINGS: [(Stage, &str); 6] = [
    (Stage::Preprocess, "analysis.requested"),
    (Stage::Anomaly, "study.prepared"),
    (Stage::Classifier, "study.prepared"),
    (Stage::Typing, "study.prepared"),
    (Stage::Report, "stage.completed.*"),
    (Stage::Report, "stage.failed.*"),
];

/// The stages whose queues receive a message with this routing key.
pub fn subscribers(routing_key: &str) -> impl Iterator<Item = Stage> {
    BINDINGS
        .into_iter()
        .filter(move |(_, pattern)| topic_matches(pattern, routing_key))
        .map(|(stage, _)| stage)
}

/// Topic matching without `#`, which no binding uses.
fn topic_matches(pattern: &str, routing_key: &str) -> bool {
    let mut words = routing_key.split('.');
    pattern.split('.').all(|expected| {
        words
            .next()
            .is_some_and(|word| expected == "*" || expected == word)
    }) && words.next().is_none()
}

/// Names on the broker. The prefix keeps installations (and tests) that share a broker apart.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    pub(crate) fn exchange(&self) -> String {
        format!("{}.pipeline", self.prefix)
    }

    pub(crate) fn queue(&self, stage: Stage) -> String {
        format!("{}.{stage}", self.prefix)
    }

    /// The stage whose queue has this name.
    pub(crate) fn stage(&self, queue: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| self.queue(*stage) == queue)
    }

    pub(crate) fn dead_letter_exchange(&self) -> String {
        format!("{}.dead-letter", self.prefix)
    }

    pub(crate) fn dead_letter_queue(&self) -> String {
        format!("{}.dead-letters", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use norma_domain::{AnalysisId, Reason, ReasonCode, ScanId};
    use norma_messages::Message;

    use super::*;

    fn stages(message: &Message) -> Vec<Stage> {
        subscribers(&message.routing_key()).collect()
    }

    #[test]
    fn the_line_is_wired_as_designed() {
        let (analysis_id, scan_id) = (AnalysisId::generate(), ScanId::generate());
        let requested = Message::AnalyzeRequested { analysis_id, scan_id };
        assert_eq!(stages(&requested), [Stage::Preprocess]);
        let prepared = Message::StudyPrepared { analysis_id, scan_id };
        assert_eq!(stages(&prepared), Stage::MODELS);
        for stage in Stage::ALL {
            let completed = Message::StageCompleted {
                analysis_id,
                scan_id,
                stage,
            };
            assert_eq!(stages(&completed), [Stage::Report]);
            let failed = Message::StageFailed {
                analysis_id,
                scan_id,
                stage,
                reason: Reason::new(ReasonCode::Internal, ""),
            };
            assert_eq!(stages(&failed), [Stage::Report]);
        }
    }

    #[test]
    fn a_topic_pattern_matches_whole_words() {
        assert!(topic_matches("stage.*", "stage.completed"));
        assert!(!topic_matches("stage.*", "stage"));
        assert!(!topic_matches("stage.*", "stage.completed.anomaly"));
        assert!(!topic_matches("study.prepared", "study.prepare"));
    }
}
