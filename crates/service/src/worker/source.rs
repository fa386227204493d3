use norma_domain::Stage;

/// Whose messages a worker handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Stage(Stage),
    DeadLetters,
}

impl Source {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Stage(stage) => stage.as_str(),
            Self::DeadLetters => "dead_letters",
        }
    }

    /// The stage whose settings hold.
    pub(super) const fn stage(self) -> Stage {
        match self {
            Self::Stage(stage) => stage,
            Self::DeadLetters => Stage::Report,
        }
    }
}
