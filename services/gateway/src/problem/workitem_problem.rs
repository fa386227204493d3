//! Why a request about a work item is refused: status, code, and what the standard has told in the header Warning (PS3.18 section 11).

use actix_web::http::StatusCode;

/// A problem, and the service that tells it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct WorkitemRefusal {
    pub problem: WorkitemProblem,
    /// Its URL, as the client sees it.
    pub service: String,
}

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkitemProblem {
    #[error("no work item has this UID, or none of yours")]
    NotFound,
    #[error("there is a work item with this UID")]
    Exists,
    #[error("you have as many work items as may be: complete or cancel some, those that ended go after days")]
    TooMany,
    #[error(
        "this is no data set: in DICOM JSON an object of attributes, or a list of one; in XML a NativeDicomModel"
    )]
    NotReadable,
    #[error("{0}")]
    Invalid(String),
    #[error("name the transaction UID that the work item was claimed with")]
    TransactionMissing,
    #[error("this is not the transaction UID that the work item was claimed with")]
    TransactionWrong,
    #[error("the work item's state does not allow it: {0}")]
    Inconsistent(String),
    #[error("nobody has claimed the work item yet: it has no transaction UID")]
    NotClaimed,
    #[error("the work item is completed")]
    Completed,
    #[error("Norma is at the work item and finishes it")]
    NotCanceled,
    #[error("nobody is told of the work item, so that its performer cannot be asked")]
    NoContact,
    #[error(
        "you subscribe with as many AE titles as may be: use one again, or end one of their subscriptions"
    )]
    TooManySubscribers,
    #[error("you listen over as many connections as may be: close one")]
    TooManyListeners,
    #[error("there is no such subscription of yours")]
    NotSubscribed,
}

impl WorkitemProblem {
    /// The HTTP status, the stable code and the title that belongs to the code.
    pub(crate) fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::NotFound => (S::NOT_FOUND, "workitem_not_found", "No such work item"),
            Self::Exists => (S::CONFLICT, "workitem_exists", "Work item exists"),
            Self::TooMany => (S::TOO_MANY_REQUESTS, "too_many_workitems", "Too many work items"),
            Self::NotReadable => (S::BAD_REQUEST, "workitem_not_readable", "No DICOM JSON or XML"),
            Self::Invalid(_) => (
                S::BAD_REQUEST,
                "workitem_invalid",
                "Attributes are missing or wrong",
            ),
            Self::TransactionMissing => (
                S::BAD_REQUEST,
                "transaction_uid_missing",
                "Transaction UID missing",
            ),
            Self::TransactionWrong => (
                S::BAD_REQUEST,
                "transaction_uid_wrong",
                "Transaction UID incorrect",
            ),
            Self::Inconsistent(_) => (S::CONFLICT, "workitem_state", "Not in this state"),
            Self::NotClaimed => (S::CONFLICT, "workitem_not_claimed", "Not claimed"),
            Self::Completed => (S::CONFLICT, "workitem_completed", "Completed"),
            Self::NotCanceled => (S::CONFLICT, "workitem_not_canceled", "Not canceled"),
            Self::NoContact => (S::CONFLICT, "performer_not_reached", "Performer not reached"),
            Self::TooManySubscribers => (
                S::TOO_MANY_REQUESTS,
                "too_many_subscribers",
                "Too many subscribers",
            ),
            Self::TooManyListeners => (S::TOO_MANY_REQUESTS, "too_many_listeners", "Too many listeners"),
            Self::NotSubscribed => (S::NOT_FOUND, "not_subscribed", "Not subscribed"),
        }
    }

    /// The words of the standard for it, where it has some.
    pub(crate) fn warning(&self) -> Option<&'static str> {
        Some(match self {
            Self::TransactionMissing => "The Transaction UID is missing.",
            Self::TransactionWrong => "The Transaction UID is incorrect.",
            Self::Inconsistent(_) => {
                "The submitted request is inconsistent with the state of the UPS Instance."
            }
            Self::NotClaimed => "The target URI did not reference a claimed Workitem.",
            Self::Completed => "The UPS is already COMPLETED.",
            Self::NotCanceled => "Performer chooses not to cancel.",
            Self::NoContact => "The performer cannot be contacted.",
            _ => return None,
        })
    }
}
