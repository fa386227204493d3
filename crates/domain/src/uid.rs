//! DICOM unique identifiers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that cannot stand for a UID. The text itself is not repeated: it comes from a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an identifier: 1 to 64 letters, digits and any of . _ : - ~ {{ }}, a letter, digit or brace first"
)]
pub struct InvalidUid;

/// What names things in an archive, whether the standard allows it or not: some writers put UUIDs where UIDs belong.
/// No text that could be a path or a formula.
fn is_identifier(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '{')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._:-~{}".contains(&byte))
}

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
            /// Accepts the trailing NUL or blanks that pad a UID to an even length in a file, and what is no UID but
            /// names one thing all the same.
            pub fn new(text: &str) -> Result<Self, InvalidUid> {
                let trimmed = text.trim_matches(['\0', ' ']);
                if is_identifier(trimmed) { Ok(Self(trimmed.to_owned())) } else { Err(InvalidUid) }
            }

            /// Whether it is a UID by the standard (DICOM PS3.5 section 9.1, leading zeros tolerated).
            pub fn is_valid(&self) -> bool {
                is_valid_uid(&self.0)
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
        for text in [
            "",
            ".1",
            "-1",
            "=1",
            "a b",
            &"1".repeat(65),
            "../etc/passwd",
            "1/2",
            "é",
        ] {
            assert_eq!(StudyInstanceUid::new(text), Err(InvalidUid), "{text}");
        }
    }

    #[test]
    fn an_identifier_that_is_no_uid_is_kept_and_told() {
        assert!(StudyInstanceUid::new("1.2.840.1").unwrap().is_valid());
        for text in [
            "1355759b-7653-424e-b0b5-1d131628d0e4",
            "1..2",
            "1.2.a",
            "1.",
            "{7}",
        ] {
            let uid = StudyInstanceUid::new(text).unwrap();
            assert_eq!((uid.as_str(), uid.is_valid()), (text, false));
        }
    }

    #[test]
    fn deserialising_checks_too() {
        assert!(serde_json::from_str::<SeriesInstanceUid>("\"1.2.3\"").is_ok());
        assert!(serde_json::from_str::<SeriesInstanceUid>("\"../one\"").is_err());
    }
}
