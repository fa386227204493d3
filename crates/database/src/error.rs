use diesel::result::DatabaseErrorKind;

/// Why a database operation failed. Messages name tables, constraints and ids, never what a row holds.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("the database address is neither postgresql://… nor sqlite://path")]
    InvalidUrl,
    /// No connection could be had in time.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// The connection broke while it was used. Whether a commit under way took place is unknown; every
    /// operation may be repeated.
    #[error("the connection to the database was lost")]
    ConnectionLost(#[source] diesel::result::Error),
    /// No answer came in time. Whether a change under way took place is unknown; every operation may be repeated.
    #[error("the database did not answer within {} s", .0.as_secs())]
    Silent(std::time::Duration),
    /// The server takes no writes: it has become a standby.
    #[error("the database takes no writes")]
    Standby(#[source] diesel::result::Error),
    /// Another transaction was in the way for too long.
    #[error("the database is busy")]
    Busy(#[source] diesel::result::Error),
    /// The disk of the database is full, or does not take what is written.
    #[error("the database has no room to write")]
    Full(#[source] diesel::result::Error),
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("a row with the same key exists already ({})", .constraint.as_deref().unwrap_or("unnamed"))]
    UniqueViolation { constraint: Option<String> },
    #[error("the row refers to one that does not exist ({})", .constraint.as_deref().unwrap_or("unnamed"))]
    ForeignKeyViolation { constraint: Option<String> },
    #[error("no enabled administrator would be left")]
    LastAdministrator,
    /// Somebody else changed it since it was read.
    #[error("the {0} was changed meanwhile")]
    ChangedMeanwhile(&'static str),
    #[error("{most} urgent analyses of one requester are unfinished")]
    TooManyUrgent { most: u32 },
    /// A later request with the same key is carried out instead of this one.
    #[error("another request with the same key is carried out")]
    RequestSuperseded,
    /// Another one stores something of the study by now.
    #[error("another request stores the study")]
    StudyLockLost,
    /// PostgreSQL keeps no U+0000 in a text; both sides refuse it, to be equal.
    #[error("{field} holds the character U+0000")]
    NulInText { field: &'static str },
    /// A stored value that is none of its type: written by something else, or damaged.
    #[error("the column {column} of {table} holds a value that cannot be read")]
    CorruptRow {
        table: &'static str,
        column: &'static str,
    },
    /// A value that JSON cannot hold.
    #[error("{0} cannot be written as JSON")]
    NotStorable(&'static str),
    #[error(
        "the database has the migration {found}, which this program does not know (its newest is {newest}): \
         it was used by a newer version"
    )]
    NewerSchema { found: String, newest: String },
    /// Its user may not change it; whoever owns the tables brings it up to date at the start.
    #[error(
        "the database's schema is older than this program ({missing} is missing), and its user may not change it: \
         start the process that owns the tables, such as the gateway"
    )]
    OlderSchema { missing: String },
    #[error("the role {role} of {setting} {reason}")]
    Role {
        setting: &'static str,
        role: String,
        reason: &'static str,
    },
    #[error("the database's schema could not be brought up to date: {0}")]
    Migration(String),
    #[error("the query failed")]
    Query(#[source] diesel::result::Error),
    /// The thread that ran the query panicked or the runtime is shutting down.
    #[error("the database task did not finish")]
    Task(#[source] tokio::task::JoinError),
}

impl DatabaseError {
    /// Whether the same operation may succeed later without anything being changed.
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_)
                | Self::ConnectionLost(_)
                | Self::Silent(_)
                | Self::Standby(_)
                | Self::Busy(_)
                | Self::Full(_)
                | Self::OlderSchema { .. }
        )
    }

    pub(crate) const fn is_of_standby(&self) -> bool {
        matches!(self, Self::Standby(_))
    }
}

impl From<diesel::result::Error> for DatabaseError {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::Error;
        match error {
            Error::DatabaseError(kind, ref information) => {
                let constraint = || information.constraint_name().map(ToOwned::to_owned);
                match kind {
                    DatabaseErrorKind::UniqueViolation => Self::UniqueViolation {
                        constraint: constraint(),
                    },
                    DatabaseErrorKind::ForeignKeyViolation => Self::ForeignKeyViolation {
                        constraint: constraint(),
                    },
                    DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
                        Self::ConnectionLost(error)
                    }
                    DatabaseErrorKind::ReadOnlyTransaction => Self::Standby(error),
                    DatabaseErrorKind::SerializationFailure => Self::Busy(error),
                    _ if is_full(information.message()) => Self::Full(error),
                    _ if is_transient(information.message()) => Self::Busy(error),
                    _ => Self::Query(error),
                }
            }
            Error::BrokenTransactionManager => Self::ConnectionLost(error),
            other => Self::Query(other),
        }
    }
}

/// Diesel keeps neither SQLite's error code nor PostgreSQL's SQLSTATE of the kinds it does not know, so these
/// are told by their message: `SQLITE_BUSY`, `SQLITE_LOCKED`, 40P01, 55P03, 57014, 57P01, 57P03, 53300, 53100,
/// `SQLITE_FULL`.
fn is_transient(message: &str) -> bool {
    [
        "database is locked",
        "database table is locked",
        "deadlock detected",
        "lock timeout",
        "due to statement timeout",
        "idle-in-transaction timeout",
        "No space left on device",
        "disk is full",
        "terminating connection",
        "the database system is",
        "too many clients",
    ]
    .iter()
    .any(|known| message.contains(known))
}

/// 53100 and what PostgreSQL says of a write that its disk refused; `SQLITE_FULL`, `SQLITE_IOERR`.
fn is_full(message: &str) -> bool {
    [
        "No space left on device",
        "Disk quota exceeded",
        "database or disk is full",
        "disk I/O error",
        "could not extend file",
        "could not write to file",
        "could not write block",
    ]
    .iter()
    .any(|known| message.contains(known))
}

impl From<tokio::task::JoinError> for DatabaseError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Task(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_repeated_is_told_from_what_may_not() {
        let of = |kind, message: &str| {
            DatabaseError::from(diesel::result::Error::DatabaseError(
                kind,
                Box::new(message.to_owned()),
            ))
        };
        assert!(of(DatabaseErrorKind::ClosedConnection, "").is_retryable());
        assert!(of(DatabaseErrorKind::Unknown, "database is locked").is_retryable());
        assert!(of(DatabaseErrorKind::Unknown, "deadlock detected").is_retryable());
        assert!(!of(DatabaseErrorKind::Unknown, "no such column: x").is_retryable());
        for full in [
            "could not extend file \"base/5/16384\": No space left on device",
            "database or disk is full",
        ] {
            let error = of(DatabaseErrorKind::Unknown, full);
            assert!(
                matches!(error, DatabaseError::Full(_)) && error.is_retryable(),
                "{full}"
            );
        }
        assert!(!of(DatabaseErrorKind::UniqueViolation, "").is_retryable());
        assert!(!DatabaseError::NotFound("scan").is_retryable());
    }
}
