use std::error::Error;
use std::io;
use std::path::PathBuf;

use norma_domain::{Reason, ReasonCode};

/// Something that ONNX Runtime said, kept as the source of an error.
pub(crate) type RuntimeMessage = Box<dyn Error + Send + Sync + 'static>;

/// ONNX Runtime could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error("no ONNX Runtime library found; looked at {looked}. `scripts/setup` installs one")]
    LibraryNotFound { looked: String },
    #[error("the ONNX Runtime library {path} cannot be used")]
    LibraryUnusable {
        path: PathBuf,
        #[source]
        source: RuntimeMessage,
    },
    #[error("ONNX Runtime already runs from {running}; one process has one library, not {asked} too")]
    AlreadyStarted { running: PathBuf, asked: PathBuf },
    #[error("ONNX Runtime did not start")]
    NotStarted {
        #[source]
        source: RuntimeMessage,
    },
    #[error("the threads for models could not be started")]
    NoThreads {
        #[source]
        source: rayon::ThreadPoolBuildError,
    },
}

/// A model or a bundle that cannot be used, or that gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("{what} is missing: {path}")]
    Missing { what: &'static str, path: PathBuf },
    #[error("{path} cannot be read")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} does not fit its schema: {source}")]
    DoesNotParse {
        path: PathBuf,
        #[source]
        source: serde_yaml_ng::Error,
    },
    /// A manifest or a bundle contradicts itself or this program.
    #[error("{name}: {message}")]
    Invalid { name: String, message: String },
    #[error("{model}: {file} has SHA-256 {found}, the manifest says {expected}")]
    HashMismatch {
        model: String,
        file: String,
        expected: String,
        found: String,
    },
    #[error("{model}: ONNX Runtime refuses the graph")]
    GraphRefused {
        model: String,
        #[source]
        source: RuntimeMessage,
    },
    /// The graph's inputs or outputs are not those of the manifest.
    #[error("{model}: {message}")]
    TensorMismatch { model: String, message: String },
    #[error("{model}: inference failed")]
    RunFailed {
        model: String,
        #[source]
        source: RuntimeMessage,
    },
    #[error("{model}: {what} is not finite")]
    NotFinite { model: String, what: &'static str },
    #[error("{model}: what was prepared cannot be read: {message}")]
    UnusableInput { model: String, message: String },
}

impl ModelError {
    pub(crate) fn invalid(name: &str, message: impl Into<String>) -> Self {
        Self::Invalid {
            name: name.to_owned(),
            message: message.into(),
        }
    }

    /// The stable code of the failure.
    pub fn code(&self) -> ReasonCode {
        match self {
            Self::Missing { .. } => ReasonCode::ModelMissing,
            Self::Unreadable { .. }
            | Self::DoesNotParse { .. }
            | Self::Invalid { .. }
            | Self::HashMismatch { .. }
            | Self::GraphRefused { .. }
            | Self::TensorMismatch { .. } => ReasonCode::ModelInvalid,
            Self::RunFailed { .. } | Self::UnusableInput { .. } => ReasonCode::InferenceFailed,
            Self::NotFinite { .. } => ReasonCode::ScoreNotFinite,
        }
    }

    /// Whether another try may succeed where this one failed: only a failed run, which may have lacked
    /// memory or a device for a moment.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::RunFailed { .. })
    }

    /// The reason as it stands in a report.
    pub fn reason(&self) -> Reason {
        let message = match self.source() {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        };
        Reason::new(self.code(), message)
    }
}
