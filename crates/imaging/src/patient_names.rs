//! Whether the Patient's Names (0010,0010) of two images are one person's.
//!
//! Each is read in its own characters. One name is written with carets or blanks between its parts, in capitals, in one
//! or several forms (PS3.5 6.2: `=` between them), in Cyrillic or Latin letters.

use norma_domain::names_agree;

use crate::character_set::CharacterSet;
use crate::element_values::Values;

/// Alphabetic, ideographic and phonetic.
const FORMS: usize = 3;
/// 64 characters a form, of up to four bytes.
const LONGEST_BYTES: usize = 1024;

/// The forms of a name, each as its words in small letters with single blanks between; empty where there is none.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NameForms([Box<str>; FORMS]);

/// What two names say of their persons, the worse the later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SameName {
    Yes,
    /// The same as far as people write names: with initials, in another order, by another transcription.
    AsSpoken,
    /// In letters that cannot be held against each other.
    Unknown,
    No,
}

impl NameForms {
    pub(crate) fn read(values: &Values<'_>) -> Option<Self> {
        let bytes = values.bytes(0x0010_0010)?;
        let set = CharacterSet::of(&values.texts(0x0008_0005));
        Self::of(&set.decode(&bytes[..bytes.len().min(LONGEST_BYTES)]))
    }

    /// None where nothing is said.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let mut forms: [Box<str>; FORMS] = Default::default();
        for (form, text) in forms.iter_mut().zip(name.split('=')) {
            *form = plain(text);
        }
        forms.iter().any(|form| !form.is_empty()).then_some(Self(forms))
    }

    fn given(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|form| &**form).filter(|form| !form.is_empty())
    }

    pub(crate) fn compare(&self, other: &Self) -> SameName {
        let common: Vec<(&str, &str)> = self
            .0
            .iter()
            .zip(&other.0)
            .filter(|(one, other)| !one.is_empty() && !other.is_empty())
            .map(|(one, other)| (&**one, &**other))
            .collect();
        let compared = common.iter().map(|(one, other)| compare_forms(one, other));
        if let Some(worst) = compared.max() {
            return worst;
        }
        // Each is given in a form that the other has not.
        if self.given().any(|one| other.given().any(|other| one == other)) {
            SameName::Yes
        } else {
            SameName::Unknown
        }
    }
}

fn compare_forms(one: &str, other: &str) -> SameName {
    if one == other {
        return SameName::Yes;
    }
    let (first, second) = (Script::of(one), Script::of(other));
    let are_latin = matches!((first, second), (Script::Latin { .. }, Script::Latin { .. }));
    // Each is written as it sounds in the letters of the other, in more than one way.
    let are_transcribed = matches!(
        (first, second),
        (Script::Latin { is_ascii: true }, Script::Cyrillic)
            | (Script::Cyrillic, Script::Latin { is_ascii: true })
    );
    if !are_latin && !are_transcribed && first != second {
        // Accented letters may be Cyrillic ones under the wrong Specific Character Set (0008,0005).
        return SameName::Unknown;
    }
    match (names_agree(one, other), are_transcribed) {
        (true, true) => SameName::Yes,
        (true, false) | (false, true) => SameName::AsSpoken,
        (false, false) => SameName::No,
    }
}

fn plain(text: &str) -> Box<str> {
    let words: Vec<String> = text
        .split(|character: char| character == '^' || character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().replace('ё', "е"))
        .collect();
    words.join(" ").into_boxed_str()
}

/// The letters of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin { is_ascii: bool },
    Cyrillic,
    Kana,
    Han,
    Hangul,
    Other,
}

impl Script {
    fn of(text: &str) -> Self {
        let foreign = text
            .chars()
            .find(|character| character.is_alphabetic() && *character > '\u{24F}');
        match foreign {
            None => Self::Latin {
                is_ascii: text.is_ascii(),
            },
            Some('\u{400}'..='\u{52F}') => Self::Cyrillic,
            Some('\u{3040}'..='\u{30FF}' | '\u{FF66}'..='\u{FF9F}') => Self::Kana,
            Some('\u{3400}'..='\u{9FFF}') => Self::Han,
            Some('\u{AC00}'..='\u{D7AF}') => Self::Hangul,
            Some(_) => Self::Other,
        }
    }
}
