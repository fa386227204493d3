//! DICOM unique identifiers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that is no DICOM UID (DICOM PS3.5 section 9.1). The text itself is not repeated: it comes from a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a DICOM UID: at most 64 characters of digits and dots, no empty component")]
pub struct InvalidUid;

/// Checks the syntax of PS3.5 section 9.1, but tolerates leading zeros in a component, which real archives hold.
fn is_valid_uid(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text
            .split('.')
            .all(|component| !component.is_empty() && component.bytes().all(|byte| byte.is_ascii_digit()))
}

macro_rules! dicom_uid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
        pub struct $name(String);

        impl $name {
            /// Accepts the trailing NUL or blanks that pad a UID to an even length in a file.
            pub fn new(text: &str) -> Result<Self, InvalidUid> {
                let trimmed = text.trim_matches(['\0', ' ']);
                if is_valid_uid(trimmed) { Ok(Self(trimmed.to_owned())) } else { Err(InvalidUid) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidUid;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(uid: $name) -> Self {
                uid.0
            }
        }
    };
}

dicom_uid!(
    /// (0020,000D) Study Instance UID.
    StudyInstanceUid
);
dicom_uid!(
    /// (0020,000E) Series Instance UID.
    SeriesInstanceUid
);
dicom_uid!(
    /// (0008,0018) SOP Instance UID.
    SopInstanceUid
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_trimmed_and_nonsense_refused() {
        assert_eq!(
            StudyInstanceUid::new("1.2.840.1\0").unwrap().as_str(),
            "1.2.840.1"
        );
        for text in ["", "1..2", "1.2.a", ".1", "1.", &"1".repeat(65), "../etc/passwd"] {
            assert_eq!(StudyInstanceUid::new(text), Err(InvalidUid), "{text}");
        }
    }

    #[test]
    fn deserialising_checks_too() {
        assert!(serde_json::from_str::<SeriesInstanceUid>("\"1.2.3\"").is_ok());
        assert!(serde_json::from_str::<SeriesInstanceUid>("\"one\"").is_err());
    }
}
