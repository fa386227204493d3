//! Why a proposed threshold cannot be made or decided on.

use actix_web::http::StatusCode;

/// What the caller's wish for a proposal meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProposalProblem {
    #[error("no proposal has this identifier")]
    NotFound,
    #[error("it was decided before, or does not act: look at the list again")]
    Decided,
    #[error("other thresholds act by now than those that it was measured against: make it again")]
    Outdated,
    #[error(
        "it was made for another bundle than the one that is installed, where it would act on nothing: make it again"
    )]
    OtherBundle,
    #[error("its report cannot be read, as of one that another version made: decline it and make it again")]
    Unreadable,
    #[error(
        "the setting analysis.operating_point names an operating point, which would stay in use: clear it first"
    )]
    OperatingPointSet,
}

impl ProposalProblem {
    /// The HTTP status, the stable code and the title that belongs to the code.
    pub(super) fn kind(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "proposal_not_found", "No such proposal"),
            Self::Decided => (StatusCode::CONFLICT, "proposal_decided", "Decided before"),
            Self::Outdated => (StatusCode::CONFLICT, "proposal_outdated", "Other thresholds act"),
            Self::OtherBundle => (
                StatusCode::CONFLICT,
                "proposal_of_other_bundle",
                "Another bundle is installed",
            ),
            Self::Unreadable => (
                StatusCode::CONFLICT,
                "proposal_unreadable",
                "The report cannot be read",
            ),
            Self::OperatingPointSet => (
                StatusCode::CONFLICT,
                "operating_point_set",
                "An operating point is set",
            ),
        }
    }
}
