/// What cannot be computed with.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum AccuracyError {
    #[error("{0} does not lie between 0 and 1")]
    LevelOutOfRange(f64),
    #[error("a score of {0} is no probability: 0 to 1 is expected")]
    ScoreOutOfRange(f64),
    #[error("{successes} of {trials} is no proportion")]
    NoProportion { successes: u64, trials: u64 },
}
