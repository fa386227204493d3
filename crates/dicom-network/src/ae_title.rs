use std::fmt;
use std::str::FromStr;

/// The title of an application entity (PS3.8 section 9.3.2, VR AE): 1 to 16 printable characters of ASCII, no backslash,
/// blanks around it without meaning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AeTitle(String);

/// A text that is no AE title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an AE title has 1 to 16 printable ASCII characters and no backslash")]
pub struct InvalidAeTitle;

impl AeTitle {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AeTitle {
    type Err = InvalidAeTitle;

    /// Some peers pad with NUL where blanks belong.
    fn from_str(text: &str) -> Result<Self, InvalidAeTitle> {
        let trimmed = text.trim_matches(['\0', ' ']);
        let is_printable = trimmed
            .bytes()
            .all(|byte| (0x20..0x7F).contains(&byte) && byte != b'\\');
        if (1..=16).contains(&trimmed.len()) && is_printable {
            Ok(Self(trimmed.to_owned()))
        } else {
            Err(InvalidAeTitle)
        }
    }
}

impl fmt::Display for AeTitle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_trimmed_and_checked() {
        assert_eq!(" CT 1 \0".parse::<AeTitle>().unwrap().as_str(), "CT 1");
        for text in ["", "   ", "A\\B", "ÄE", "12345678901234567", "A\nB"] {
            assert_eq!(text.parse::<AeTitle>(), Err(InvalidAeTitle), "{text:?}");
        }
    }
}
