//! Why studies of an archive cannot be looked for or pulled.

use actix_web::http::StatusCode;

/// What the caller's wish for studies of an archive meets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PullProblem {
    #[error("no pull has this identifier")]
    NotFound,
    #[error("it has not ended: it is tried without your doing")]
    Waiting,
    #[error("the settings (pacs.sources) have no such source, or there is none at all")]
    UnknownSource,
    #[error("the settings (pacs.sources, pacs.destinations) have no system of this name")]
    UnknownConnection,
    #[error("it does not speak DICOM over the network: what was sent to it last says how it answers")]
    NoEcho,
    #[error("the archive did not answer the search: {code}{}", status(peer_status.as_deref()))]
    SourceFailed {
        code: &'static str,
        peer_status: Option<String>,
    },
}

fn status(peer_status: Option<&str>) -> String {
    peer_status.map_or_else(String::new, |status| format!(", status {status}"))
}

impl PullProblem {
    /// The HTTP status, the stable code and the title that belongs to the code.
    pub(super) fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "pull_not_found", "No such pull"),
            Self::Waiting => (StatusCode::CONFLICT, "pull_waiting", "Still to be pulled"),
            Self::UnknownSource => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "unknown_source",
                "No such source",
            ),
            Self::UnknownConnection => (StatusCode::NOT_FOUND, "connection_not_found", "No such system"),
            Self::NoEcho => (StatusCode::CONFLICT, "no_echo", "It cannot be asked so"),
            Self::SourceFailed { .. } => (
                StatusCode::BAD_GATEWAY,
                "source_failed",
                "The archive did not answer",
            ),
        }
    }
}
