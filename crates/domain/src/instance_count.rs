use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Who says how many instances a study has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedBy {
    /// The instances themselves: (0020,1208), (0020,1209).
    Stated,
    /// The archive that they are of.
    Source,
    /// The modality: a performed procedure step that has ended.
    Mpps,
}

impl CountedBy {
    pub const ALL: [Self; 3] = [Self::Stated, Self::Source, Self::Mpps];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::Source => "source",
            Self::Mpps => "mpps",
        }
    }
}

/// A text that names nobody who counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody counts by that name")]
pub struct UnknownCounter;

impl FromStr for CountedBy {
    type Err = UnknownCounter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|by| by.as_str() == text).ok_or(UnknownCounter)
    }
}

/// How many instances of a study are here, of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceCount {
    pub came: u32,
    /// None: who was to say it did not.
    pub expected: Option<u32>,
    pub counted_by: CountedBy,
}

impl InstanceCount {
    /// Whether all that is known of is here. What is not known may be missing.
    pub fn is_whole(&self) -> bool {
        self.expected.is_some_and(|expected| self.came >= expected)
    }
}
