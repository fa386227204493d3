//! Domain messages to and from the generated protobuf types.

use std::fmt::Display;
use std::str::FromStr;

use norma_domain::{Reason, ReasonCode, Stage};
use prost::{Message as _, Name};

use crate::Message;

/// Generated from proto/norma/pipeline/v1; stays inside this crate.
mod v1 {
    // Generated code: public items in a private module, field docs without back-ticks.
    #![allow(unreachable_pub, clippy::all, clippy::pedantic)]
    include!(concat!(env!("OUT_DIR"), "/norma.pipeline.v1.rs"));
}

/// Bytes that are no message of a version known here.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The name is shortened: it comes from outside.
    #[error("unknown message type {0:?}")]
    UnknownType(String),
    #[error("not a protobuf message of the type it says it is")]
    Malformed(#[from] prost::DecodeError),
    #[error("field {field} is not valid: {problem}")]
    InvalidField { field: &'static str, problem: String },
}

impl Message {
    /// The full protobuf name, with the version in it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::AnalyzeRequested { .. } => "norma.pipeline.v1.AnalyzeRequested",
            Self::StudyPrepared { .. } => "norma.pipeline.v1.StudyPrepared",
            Self::StageCompleted { .. } => "norma.pipeline.v1.StageCompleted",
            Self::StageFailed { .. } => "norma.pipeline.v1.StageFailed",
        }
    }

    /// Protobuf bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::AnalyzeRequested { analysis_id, scan_id } => v1::AnalyzeRequested {
                analysis_id: analysis_id.to_string(),
                scan_id: scan_id.to_string(),
            }
            .encode_to_vec(),
            Self::StudyPrepared { analysis_id, scan_id } => v1::StudyPrepared {
                analysis_id: analysis_id.to_string(),
                scan_id: scan_id.to_string(),
            }
            .encode_to_vec(),
            Self::StageCompleted {
                analysis_id,
                scan_id,
                stage,
            } => v1::StageCompleted {
                analysis_id: analysis_id.to_string(),
                scan_id: scan_id.to_string(),
                stage: v1::Stage::from(*stage).into(),
            }
            .encode_to_vec(),
            Self::StageFailed {
                analysis_id,
                scan_id,
                stage,
                reason,
            } => v1::StageFailed {
                analysis_id: analysis_id.to_string(),
                scan_id: scan_id.to_string(),
                stage: v1::Stage::from(*stage).into(),
                reason: Some(v1::Reason {
                    code: reason.code.as_str().to_owned(),
                    message: reason.message.clone(),
                }),
            }
            .encode_to_vec(),
        }
    }

    /// Reads bytes of the type that `type_name` names.
    pub fn decode(type_name: &str, payload: &[u8]) -> Result<Self, MessageError> {
        if type_name == v1::AnalyzeRequested::full_name() {
            v1::AnalyzeRequested::decode(payload)?.try_into()
        } else if type_name == v1::StudyPrepared::full_name() {
            v1::StudyPrepared::decode(payload)?.try_into()
        } else if type_name == v1::StageCompleted::full_name() {
            v1::StageCompleted::decode(payload)?.try_into()
        } else if type_name == v1::StageFailed::full_name() {
            v1::StageFailed::decode(payload)?.try_into()
        } else {
            Err(MessageError::UnknownType(type_name.chars().take(80).collect()))
        }
    }
}

impl TryFrom<v1::AnalyzeRequested> for Message {
    type Error = MessageError;

    fn try_from(wire: v1::AnalyzeRequested) -> Result<Self, Self::Error> {
        Ok(Self::AnalyzeRequested {
            analysis_id: parse("analysis_id", &wire.analysis_id)?,
            scan_id: parse("scan_id", &wire.scan_id)?,
        })
    }
}

impl TryFrom<v1::StudyPrepared> for Message {
    type Error = MessageError;

    fn try_from(wire: v1::StudyPrepared) -> Result<Self, Self::Error> {
        Ok(Self::StudyPrepared {
            analysis_id: parse("analysis_id", &wire.analysis_id)?,
            scan_id: parse("scan_id", &wire.scan_id)?,
        })
    }
}

impl TryFrom<v1::StageCompleted> for Message {
    type Error = MessageError;

    fn try_from(wire: v1::StageCompleted) -> Result<Self, Self::Error> {
        Ok(Self::StageCompleted {
            analysis_id: parse("analysis_id", &wire.analysis_id)?,
            scan_id: parse("scan_id", &wire.scan_id)?,
            stage: wire.stage().try_into()?,
        })
    }
}

impl TryFrom<v1::StageFailed> for Message {
    type Error = MessageError;

    fn try_from(wire: v1::StageFailed) -> Result<Self, Self::Error> {
        let stage = wire.stage().try_into()?;
        let reason = wire.reason.ok_or_else(|| invalid("reason", "it is missing"))?;
        Ok(Self::StageFailed {
            analysis_id: parse("analysis_id", &wire.analysis_id)?,
            scan_id: parse("scan_id", &wire.scan_id)?,
            stage,
            reason: reason.try_into()?,
        })
    }
}

impl TryFrom<v1::Reason> for Reason {
    type Error = MessageError;

    fn try_from(wire: v1::Reason) -> Result<Self, Self::Error> {
        let code: ReasonCode = parse("reason.code", &wire.code)?;
        Ok(Self::new(code, wire.message))
    }
}

impl TryFrom<v1::Stage> for Stage {
    type Error = MessageError;

    fn try_from(wire: v1::Stage) -> Result<Self, Self::Error> {
        match wire {
            v1::Stage::Preprocess => Ok(Self::Preprocess),
            v1::Stage::Anomaly => Ok(Self::Anomaly),
            v1::Stage::Classifier => Ok(Self::Classifier),
            v1::Stage::Typing => Ok(Self::Typing),
            v1::Stage::Report => Ok(Self::Report),
            v1::Stage::Unspecified => Err(invalid("stage", "it is not specified or not known here")),
        }
    }
}

impl From<Stage> for v1::Stage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Preprocess => Self::Preprocess,
            Stage::Anomaly => Self::Anomaly,
            Stage::Classifier => Self::Classifier,
            Stage::Typing => Self::Typing,
            Stage::Report => Self::Report,
        }
    }
}

fn parse<T: FromStr<Err: Display>>(field: &'static str, text: &str) -> Result<T, MessageError> {
    text.parse().map_err(|problem| invalid(field, problem))
}

fn invalid(field: &'static str, problem: impl Display) -> MessageError {
    MessageError::InvalidField {
        field,
        problem: problem.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use norma_domain::{AnalysisId, ScanId};
    use proptest::prelude::*;

    use super::*;

    fn every_message() -> Vec<Message> {
        let (analysis_id, scan_id) = (AnalysisId::generate(), ScanId::generate());
        let mut messages = vec![
            Message::AnalyzeRequested { analysis_id, scan_id },
            Message::StudyPrepared { analysis_id, scan_id },
        ];
        for stage in Stage::ALL {
            messages.push(Message::StageCompleted {
                analysis_id,
                scan_id,
                stage,
            });
            messages.push(Message::StageFailed {
                analysis_id,
                scan_id,
                stage,
                reason: Reason::new(ReasonCode::NoLungs, "no lungs were found"),
            });
        }
        messages
    }

    #[test]
    fn every_message_survives_the_wire() {
        for message in every_message() {
            let received = Message::decode(message.type_name(), &message.encode()).unwrap();
            assert_eq!(received, message);
        }
    }

    #[test]
    fn type_names_are_those_of_the_proto_files() {
        let names: Vec<_> = every_message().iter().map(Message::type_name).collect();
        for expected in [
            v1::AnalyzeRequested::full_name(),
            v1::StudyPrepared::full_name(),
            v1::StageCompleted::full_name(),
            v1::StageFailed::full_name(),
        ] {
            assert!(names.contains(&expected.as_str()), "{expected}");
        }
    }

    #[test]
    fn what_is_not_valid_is_refused() {
        let unknown = Message::decode("norma.pipeline.v2.StudyPrepared", &[]);
        assert!(matches!(unknown, Err(MessageError::UnknownType(_))));

        let no_ids = Message::decode("norma.pipeline.v1.StudyPrepared", &[]);
        assert!(matches!(
            no_ids,
            Err(MessageError::InvalidField {
                field: "analysis_id",
                ..
            })
        ));

        let unspecified_stage = v1::StageCompleted {
            analysis_id: AnalysisId::generate().to_string(),
            scan_id: ScanId::generate().to_string(),
            stage: 99,
        };
        assert!(matches!(
            Message::decode(
                "norma.pipeline.v1.StageCompleted",
                &unspecified_stage.encode_to_vec()
            ),
            Err(MessageError::InvalidField { field: "stage", .. })
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            for message in every_message() {
                let _ = Message::decode(message.type_name(), &bytes);
            }
        }
    }
}
