use std::fmt;
use std::str::FromStr;

use norma_domain::MeasureCode;
use serde::de::{Error, IntoDeserializer as _, value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// The probability of pathology.
    Score,
    /// Share of studies that were called norm.
    Released,
    Undetermined,
    /// Share of studies that failed a quality check.
    FailedQuality,
    Measure(MeasureCode),
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Score => formatter.write_str("score"),
            Self::Released => formatter.write_str("released"),
            Self::Undetermined => formatter.write_str("undetermined"),
            Self::FailedQuality => formatter.write_str("failed_quality"),
            Self::Measure(code) => code.serialize(formatter),
        }
    }
}

impl FromStr for Quantity {
    type Err = value::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "score" => Self::Score,
            "released" => Self::Released,
            "undetermined" => Self::Undetermined,
            "failed_quality" => Self::FailedQuality,
            code => Self::Measure(MeasureCode::deserialize(code.into_deserializer())?),
        })
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
