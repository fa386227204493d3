//! The letters of a name: one way of writing for what is written in several, and which alphabet they are of.

use icu_normalizer::ComposingNormalizerBorrowed;

/// Hiragana letters, and by how much the same sound in katakana lies higher.
const HIRAGANA: std::ops::RangeInclusive<char> = '\u{3041}'..='\u{3096}';
const TO_KATAKANA: u32 = 0x60;

/// The name in small letters, each as one character of usual width (Unicode NFKC), ё as е, hiragana as katakana.
pub fn plain_letters(name: &str) -> String {
    let composed = ComposingNormalizerBorrowed::new_nfkc().normalize(name);
    composed
        .chars()
        .flat_map(char::to_lowercase)
        .map(|letter| match letter {
            'ё' => 'е',
            letter if HIRAGANA.contains(&letter) => {
                char::from_u32(u32::from(letter) + TO_KATAKANA).unwrap_or(letter)
            }
            letter => letter,
        })
        .collect()
}

/// The alphabet of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameScript {
    Latin {
        is_ascii: bool,
    },
    Cyrillic,
    Kana,
    Han,
    Hangul,
    /// Any other, by the 256 characters that its first letter is one of.
    Other(u32),
}

impl NameScript {
    /// Of the first letter that is not Latin, where there is one.
    pub fn of(text: &str) -> Self {
        let foreign = text
            .chars()
            .find(|character| character.is_alphabetic() && *character > '\u{24F}');
        match foreign {
            None => Self::Latin {
                is_ascii: text.is_ascii(),
            },
            Some('\u{400}'..='\u{52F}') => Self::Cyrillic,
            Some('\u{3040}'..='\u{30FF}' | '\u{FF66}'..='\u{FF9F}') => Self::Kana,
            Some('\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}') => Self::Han,
            Some('\u{1100}'..='\u{11FF}' | '\u{AC00}'..='\u{D7AF}') => Self::Hangul,
            Some(letter) => Self::Other(u32::from(letter) >> 8),
        }
    }

    /// Whether names of these alphabets can be held against each other: Latin and Cyrillic letters are written for each other
    /// as they sound.
    pub fn is_comparable_to(self, other: Self) -> bool {
        let sounds = |script| matches!(script, Self::Latin { .. } | Self::Cyrillic);
        self == other || (sounds(self) && sounds(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_one_text_however_its_letters_are_stored() {
        for (one, other) in [
            ("Майя", "Маи\u{306}я"),
            ("JÖRG", "jo\u{308}rg"),
            ("ＹＡＭＡＤＡ", "Yamada"),
            ("ﾔﾏﾀﾞ", "やまだ"),
            (
                "홍길동",
                "\u{1112}\u{1169}\u{11BC}\u{1100}\u{1175}\u{11AF}\u{1103}\u{1169}\u{11BC}",
            ),
            ("Семёнов", "СЕМЕНОВ"),
        ] {
            assert_eq!(plain_letters(one), plain_letters(other), "{one} / {other}");
        }
        assert_ne!(plain_letters("山田"), plain_letters("山本"));
    }

    #[test]
    fn a_name_is_of_the_alphabet_of_its_letters() {
        use NameScript as S;
        assert_eq!(S::of("Yamada"), S::Latin { is_ascii: true });
        assert_eq!(S::of("Müller"), S::Latin { is_ascii: false });
        assert_eq!(S::of("Иванов"), S::Cyrillic);
        assert_eq!(S::of("山田"), S::Han);
        assert_eq!(S::of("ヤマダ"), S::Kana);
        assert_eq!(S::of("홍"), S::Hangul);
        assert!(!S::of("Παπάς").is_comparable_to(S::of("كريم")));
        assert!(S::of("Ivanov").is_comparable_to(S::of("Иванов")));
        assert!(!S::of("Yamada").is_comparable_to(S::of("山田")));
    }
}
