//! Who says how many instances a study has.

use async_trait::async_trait;
use norma_domain::{CountedBy, InstanceCount};

use crate::instance_counts::here::StudyHere;

/// Says how many instances a study has.
#[async_trait]
pub(crate) trait Counter: Send + Sync {
    /// What is known now. Does not wait for anybody who may not answer.
    async fn count(&self, here: &StudyHere) -> Counted;
}

/// How many instances of a study are here, of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Nothing is said of this study, and nothing is to be expected.
    Nothing,
    /// It is to be said, and is not yet.
    Awaited,
    /// Of those that are expected, so many came.
    Of { came: usize, expected: usize },
}

impl Counted {
    pub(crate) fn is_whole(self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Awaited => false,
            Self::Of { came, expected } => came >= expected,
        }
    }

    /// How many are missing; the most where that is not known.
    pub(crate) fn missing(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Awaited => usize::MAX,
            Self::Of { came, expected } => expected.saturating_sub(came),
        }
    }

    /// The one of which more is missing.
    pub(crate) fn or_worse(self, other: Self) -> Self {
        if other.missing() > self.missing() || self == Self::Nothing {
            other
        } else {
            self
        }
    }
}

/// The count of which most is missing.
pub(crate) fn worst(counts: &[(CountedBy, Counted)], here: &StudyHere) -> Option<InstanceCount> {
    let mut worst: Option<(CountedBy, Counted)> = None;
    for (by, counted) in counts.iter().filter(|(_, counted)| *counted != Counted::Nothing) {
        if worst.is_none_or(|(_, before)| counted.missing() > before.missing()) {
            worst = Some((*by, *counted));
        }
    }
    let (counted_by, counted) = worst?;
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Some(match counted {
        Counted::Of { came, expected } => InstanceCount {
            came: number(came),
            expected: Some(number(expected)),
            counted_by,
        },
        Counted::Awaited | Counted::Nothing => InstanceCount {
            came: number(here.instances.len()),
            expected: None,
            counted_by,
        },
    })
}
