//! The characters of names in a zip archive.
//!
//! APPNOTE knows UTF-8 and code page 437; Windows writes the code page of its console (866 in Russia) or of the
//! system (1251), macOS UTF-8 without saying so. All names of an archive were written by one program, so all of
//! them together tell which it was.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, IBM866, KOI8_R, WINDOWS_1251};

use crate::zip_directory::RawName;

/// Decodes the names of one archive. Names that differ in their bytes differ as text, and none holds control characters.
pub(crate) fn decode_names(names: &[RawName]) -> Vec<String> {
    let encoding = guess_encoding(names);
    names
        .iter()
        .map(|name| {
            let text = match std::str::from_utf8(&name.bytes) {
                Ok(text) => text.to_owned(),
                // Said to be UTF-8 and is not: what can be told apart is.
                Err(_) if name.is_utf8 => escape(&name.bytes),
                Err(_) => encoding
                    .decode_without_bom_handling_and_without_replacement(&name.bytes)
                    .map_or_else(|| escape(&name.bytes), std::borrow::Cow::into_owned),
            };
            text.chars()
                .map(|character| if character.is_control() { '_' } else { character })
                .collect()
        })
        .collect()
}

fn escape(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| {
            if byte.is_ascii() {
                char::from(*byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// The encoding of the names that are not UTF-8.
fn guess_encoding(names: &[RawName]) -> &'static Encoding {
    let others: Vec<u8> = names
        .iter()
        .filter(|name| !name.is_utf8 && std::str::from_utf8(&name.bytes).is_err())
        .flat_map(|name| name.bytes.iter().copied().chain([b'\n']))
        .take(64 << 10)
        .collect();
    // The letters of Russian lie apart in its three code pages: where all of a name's high bytes are letters in one
    // of them, and not in the others, no statistics is needed.
    let best = [IBM866, WINDOWS_1251, KOI8_R]
        .into_iter()
        .map(|encoding| (russian_share(encoding, &others), encoding))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((share, encoding)) = best
        && share > LEAST_RUSSIAN_SHARE
    {
        return encoding;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&others, true);
    detector.guess(None, Utf8Detection::Deny)
}

/// Nearly all of what is not ASCII is Russian, in words as Russian writes them.
const LEAST_RUSSIAN_SHARE: f64 = 0.9;

/// The share of letters, among what is not ASCII, that stand in Russian words: capitals only at the start or
/// throughout, no Latin letter beside them, no rare letter of another alphabet.
fn russian_share(encoding: &'static Encoding, bytes: &[u8]) -> f64 {
    let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) else {
        return 0.0;
    };
    let is_russian = |letter: char| matches!(letter, 'А'..='я' | 'Ё' | 'ё');
    let (mut good, mut all) = (0usize, 0usize);
    for word in text.split(|character: char| {
        character.is_ascii_punctuation() || character.is_ascii_digit() || character.is_ascii_whitespace()
    }) {
        let letters: Vec<char> = word.chars().collect();
        let foreign = letters.iter().filter(|letter| !letter.is_ascii()).count();
        all += foreign;
        if letters.iter().all(|letter| is_russian(*letter)) {
            let capitals = letters.iter().filter(|letter| letter.is_uppercase()).count();
            let starts = letters.first().is_some_and(|letter| letter.is_uppercase());
            let is_word = capitals == 0 || capitals == letters.len() || (capitals == 1 && starts);
            good += if is_word { foreign } else { 0 };
        }
    }
    if all == 0 { 0.0 } else { good as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(names: &[&str], encoding: &'static Encoding) -> Vec<String> {
        let raw: Vec<RawName> = names
            .iter()
            .map(|name| RawName {
                bytes: encoding.encode(name).0.into_owned(),
                is_utf8: false,
            })
            .collect();
        decode_names(&raw)
    }

    #[test]
    fn russian_names_come_out_in_every_code_page() {
        let names = [
            "Иванов_КТ_грудной_клетки/снимок001.dcm",
            "Петров_КТ/снимок001.dcm",
            "ЩУКИН ЁЖ/ОГК.dcm",
        ];
        for encoding in [IBM866, WINDOWS_1251, KOI8_R, encoding_rs::UTF_8] {
            for count in 1..=names.len() {
                assert_eq!(
                    decoded(&names[..count], encoding),
                    names[..count],
                    "{}",
                    encoding.name()
                );
            }
        }
    }

    #[test]
    fn other_languages_are_told_by_their_letters() {
        for (name, encoding) in [
            ("Müller_Thorax/Aufnahme größer.dcm", encoding_rs::WINDOWS_1252),
            ("胸部ＣＴ検査/画像一覧.dcm", encoding_rs::SHIFT_JIS),
            ("Грудна клітка Їжак Ґалаґан/знімок.dcm", WINDOWS_1251),
        ] {
            assert_eq!(decoded(&[name], encoding), [name], "{}", encoding.name());
        }
    }

    #[test]
    fn names_stay_apart_whatever_they_are() {
        let raw = |bytes: &[u8], is_utf8| RawName {
            bytes: bytes.to_vec(),
            is_utf8,
        };
        let names = decode_names(&[
            raw(b"a\xFF\xFE/1", true),
            raw(b"a\xFF\xFD/1", true),
            raw(b"b\n\x07/1", false),
        ]);
        assert_eq!(names, ["a%FF%FE/1", "a%FF%FD/1", "b__/1"]);
    }
}
