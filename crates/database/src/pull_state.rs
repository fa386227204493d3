//! How far a wish to have studies of an archive has come.

/// How far a pull has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PullState {
    /// Waits for its next attempt.
    Asked,
    /// A process is at it, or died while it was.
    Running,
    /// Everything is here.
    Done,
    /// Given up until a person has it pulled again.
    Failed,
}

impl PullState {
    pub const ALL: [Self; 4] = [Self::Asked, Self::Running, Self::Done, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}
