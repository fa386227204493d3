//! Whether the Patient's Names (0010,0010) of two images are one person's.
//!
//! Each is read in its own characters. One name is written with carets or blanks between its parts, in capitals, in one
//! or several forms (PS3.5 6.2: `=` between them), in Cyrillic or Latin letters.

use norma_domain::{NameScript, names_agree, plain_letters};

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

    /// Forms are held against those in the same letters, wherever writers put them. Of several ways of writing the best
    /// counts, of several alphabets the worst: one alphabetic name may be that of many ideographic ones.
    pub(crate) fn compare(&self, other: &Self) -> SameName {
        let told = |one: &str| {
            other
                .given()
                .map(|other| compare_forms(one, other))
                .filter(|same| *same != SameName::Unknown)
                .min()
        };
        let alphabets = self.given().map(NameScript::of).filter_map(|script| {
            let ours = self
                .given()
                .filter(|form| NameScript::of(form).is_comparable_to(script));
            ours.filter_map(told).min()
        });
        alphabets.max().unwrap_or(SameName::Unknown)
    }
}

fn compare_forms(one: &str, other: &str) -> SameName {
    // East Asian names are written without anything between their parts as well.
    if one == other || one.replace(' ', "") == other.replace(' ', "") {
        return SameName::Yes;
    }
    let (first, second) = (NameScript::of(one), NameScript::of(other));
    let are_latin = matches!(
        (first, second),
        (NameScript::Latin { .. }, NameScript::Latin { .. })
    );
    // Each is written as it sounds in the letters of the other, in more than one way.
    let are_transcribed = matches!(
        (first, second),
        (NameScript::Latin { is_ascii: true }, NameScript::Cyrillic)
            | (NameScript::Cyrillic, NameScript::Latin { is_ascii: true })
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
    let letters = plain_letters(text);
    let words: Vec<&str> = letters
        .split(|character: char| character == '^' || character.is_whitespace() || character.is_control())
        // What HL7 writes for a value that is taken away.
        .filter(|word| !word.is_empty() && *word != "\"\"")
        .collect();
    words.join(" ").into_boxed_str()
}
