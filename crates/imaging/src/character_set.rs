//! Text of a data set in the characters of its writer: Specific Character Set (0008,0005), PS3.3 C.12.1.1.2.

use encoding_rs::Encoding;

const ESCAPE: u8 = 0x1B;

/// How the texts of a data set are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CharacterSet {
    Named(&'static Encoding),
    /// None is named, or one that is unknown: told from the bytes, where they are not ASCII.
    Unnamed,
}

impl CharacterSet {
    /// Of the element's values. With code extensions (`\ISO 2022 IR 144`) the last one that is not ASCII is taken for
    /// the whole: a name mixes ASCII with one other alphabet.
    pub fn of(values: &[String]) -> Self {
        let known = values.iter().rev().find_map(|value| encoding_of(value));
        let is_ascii = values.iter().all(|value| {
            let value = value.trim();
            value.is_empty() || value.ends_with("IR 6") || value.ends_with("IR_6")
        });
        match known {
            Some(encoding) => Self::Named(encoding),
            None if is_ascii => Self::Unnamed,
            None => {
                // A name of an encoding itself, as some writers put it.
                let named = values
                    .iter()
                    .find_map(|value| Encoding::for_label(value.as_bytes()));
                named.map_or(Self::Unnamed, Self::Named)
            }
        }
    }

    /// The text, with U+FFFD where bytes are no character.
    pub fn decode(self, bytes: &[u8]) -> String {
        let encoding = match self {
            _ if bytes.is_ascii() && !bytes.contains(&ESCAPE) => encoding_rs::UTF_8,
            Self::Named(encoding) => encoding,
            Self::Unnamed => likely_encoding(bytes),
        };
        // ISO-2022-JP is made of its escapes; the other extensions only announce what the element names anyway.
        if encoding == encoding_rs::ISO_2022_JP {
            return encoding.decode_without_bom_handling(bytes).0.into_owned();
        }
        encoding
            .decode_without_bom_handling(&without_escapes(bytes))
            .0
            .into_owned()
    }
}

/// The encoding of a defined term (PS3.3 tables C.12-2 to C.12-5).
fn encoding_of(term: &str) -> Option<&'static Encoding> {
    let term = term.trim().to_ascii_uppercase().replace('_', " ");
    let number = term
        .strip_prefix("ISO 2022 IR ")
        .or_else(|| term.strip_prefix("ISO IR "))
        .unwrap_or(&term);
    Some(match number {
        "100" => encoding_rs::WINDOWS_1252,
        "101" => encoding_rs::ISO_8859_2,
        "109" => encoding_rs::ISO_8859_3,
        "110" => encoding_rs::ISO_8859_4,
        "126" => encoding_rs::ISO_8859_7,
        "127" => encoding_rs::ISO_8859_6,
        "138" => encoding_rs::ISO_8859_8,
        "144" => encoding_rs::ISO_8859_5,
        "148" => encoding_rs::WINDOWS_1254,
        "203" => encoding_rs::ISO_8859_15,
        "166" => encoding_rs::WINDOWS_874,
        "13" if term.starts_with("ISO IR") => encoding_rs::SHIFT_JIS,
        "13" | "87" | "159" => encoding_rs::ISO_2022_JP,
        "149" => encoding_rs::EUC_KR,
        "58" | "GBK" | "GB2312" => encoding_rs::GBK,
        "192" => encoding_rs::UTF_8,
        "GB18030" => encoding_rs::GB18030,
        _ => return None,
    })
}

/// Where no character set is named, bytes beyond ASCII mean nothing (PS3.5 6.1); what writers mean by them is UTF-8, or
/// their system's code page: words wholly beyond ASCII are Cyrillic, single letters among ASCII are accents.
fn likely_encoding(bytes: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(bytes).is_ok() {
        return encoding_rs::UTF_8;
    }
    let high = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    let letters = bytes.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if high > letters {
        encoding_rs::WINDOWS_1251
    } else {
        encoding_rs::WINDOWS_1252
    }
}

/// Without the escape sequences of ISO 2022: ESC, intermediate bytes 0x20 to 0x2F, one final byte.
fn without_escapes(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        if byte == ESCAPE {
            for escape in rest.by_ref() {
                if !(0x20..=0x2F).contains(&escape) {
                    break;
                }
            }
        } else {
            kept.push(byte);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(terms: &[&str], bytes: &[u8]) -> String {
        let terms: Vec<String> = terms.iter().map(|term| (*term).to_owned()).collect();
        CharacterSet::of(&terms).decode(bytes)
    }

    #[test]
    fn a_name_in_the_named_characters() {
        let cyrillic = [0xBF, 0xD5, 0xE2, 0xE0, 0xDE, 0xD2, b'^', 0xB0];
        assert_eq!(decode(&["ISO_IR 144"], &cyrillic), "Петров^А");
        let extended = [&[0x1B, 0x2D, 0x4C][..], &cyrillic].concat();
        assert_eq!(decode(&["", "ISO 2022 IR 144"], &extended), "Петров^А");
        assert_eq!(decode(&["ISO_IR 192"], "Петров^А".as_bytes()), "Петров^А");
        assert_eq!(decode(&["ISO_IR 100"], b"M\xFCller^J\xF6rg"), "Müller^Jörg");
        assert_eq!(
            decode(
                &["", "ISO 2022 IR 87"],
                b"Yamada^Tarou=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B"
            ),
            "Yamada^Tarou=山田^太郎"
        );
        assert_eq!(
            decode(&["GB18030"], &[0xCD, 0xF5, b'^', 0xD0, 0xA1, 0xB6, 0xAB]),
            "王^小东"
        );
    }

    #[test]
    fn a_name_where_no_characters_are_named() {
        for terms in [&[][..], &["ISO_IR 6"][..], &["NO SUCH SET"][..]] {
            assert_eq!(decode(terms, b"PETROV^A"), "PETROV^A");
            assert_eq!(decode(terms, "Петров^А".as_bytes()), "Петров^А");
            assert_eq!(
                decode(terms, &[0xCF, 0xE5, 0xF2, 0xF0, 0xEE, 0xE2, b'^', 0xC0]),
                "Петров^А",
                "{terms:?}"
            );
            assert_eq!(decode(terms, b"M\xFCller"), "Müller");
        }
        assert_eq!(decode(&["WINDOWS-1251"], &[0xCF, 0xE5]), "Пе");
    }
}
