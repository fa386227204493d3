//! Identifiers of stored things: UUIDv7, so that they sort by the time of creation.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier, ordered after those made before it.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }

            /// When it was made, by the clock of the machine that made it; None of an identifier of another kind.
            pub fn made_at(&self) -> Option<DateTime<Utc>> {
                let (seconds, nanoseconds) = self.0.get_timestamp()?.to_unix();
                DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

typed_id!(
    /// A patient as registered in the gateway.
    PatientId
);
typed_id!(
    /// A scan: one uploaded study.
    ScanId
);
typed_id!(
    /// One run of the models over a scan.
    AnalysisId
);
typed_id!(
    /// A person's account.
    UserId
);
typed_id!(
    /// A passkey of an account.
    PasskeyId
);
typed_id!(
    /// An API key.
    KeyId
);
typed_id!(
    /// The results of an analysis on their way to one PACS.
    DeliveryId
);
typed_id!(
    /// A wish to have studies of an archive.
    PullId
);
typed_id!(
    /// Thresholds that a site's own studies propose.
    ThresholdProposalId
);
