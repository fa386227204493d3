//! Names of uploaded files: kept to give them back, never to open anything by them.

use actix_web::http::header::{
    Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue,
};

const MAX_CHARACTERS: usize = 120;
const FALLBACK: &str = "upload";

/// The last component of a name that a client sent, without control characters and the characters that file
/// systems or shells read in a special way, at most 120 characters with the extension kept.
///
/// ```
/// assert_eq!(norma_gateway::safe_file_name("C:\\scans\\..\\chest\u{7}.zip"), "chest.zip");
/// assert_eq!(norma_gateway::safe_file_name("../../"), "upload");
/// ```
pub fn safe_file_name(raw: &str) -> String {
    let last = raw
        .trim_end_matches(['/', '\\'])
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default();
    let cleaned: String = last
        .chars()
        .filter(|character| !character.is_control() && !is_invisible(*character))
        .map(|character| match character {
            '<' | '>' | ':' | '"' | '|' | '?' | '*' | ';' | '`' | '$' | '&' | '\'' | '%' => '_',
            other => other,
        })
        .collect();
    let trimmed = cleaned.trim_matches([' ', '.']);
    if trimmed.is_empty() {
        return FALLBACK.to_owned();
    }
    if trimmed.chars().count() <= MAX_CHARACTERS {
        return trimmed.to_owned();
    }
    match trimmed.rsplit_once('.') {
        Some((stem, extension)) if extension.chars().count() <= 16 => {
            let keep = MAX_CHARACTERS - extension.chars().count() - 1;
            let stem: String = stem.chars().take(keep).collect();
            format!("{stem}.{extension}")
        }
        _ => trimmed.chars().take(MAX_CHARACTERS).collect(),
    }
}

/// Characters that change the direction of text or are not seen: they make `exe.piz` look like `zip.exe`.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// `Content-Disposition: attachment` with the name in ASCII and, where it holds more, in UTF-8 (RFC 6266).
pub(crate) fn attachment(name: &str) -> ContentDisposition {
    let name = safe_file_name(name);
    let ascii: String = name
        .chars()
        .map(|character| if character.is_ascii() { character } else { '_' })
        .collect();
    let mut parameters = vec![DispositionParam::Filename(ascii.clone())];
    if ascii != name {
        parameters.push(DispositionParam::FilenameExt(ExtendedValue {
            charset: Charset::Ext("UTF-8".to_owned()),
            language_tag: None,
            value: name.into_bytes(),
        }));
    }
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::TryIntoHeaderValue;

    use super::*;

    #[test]
    fn a_name_is_one_harmless_component() {
        for (raw, safe) in [
            ("chest.zip", "chest.zip"),
            ("/etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("a\r\nSet-Cookie: x.zip", "aSet-Cookie_ x.zip"),
            ("...", "upload"),
            ("", "upload"),
            ("снимок груди.zip", "снимок груди.zip"),
            ("gpj.\u{202e}piz", "gpj.piz"),
        ] {
            assert_eq!(safe_file_name(raw), safe);
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = safe_file_name(&format!("{}.nii.gz", "x".repeat(400)));
        assert_eq!(name.chars().count(), MAX_CHARACTERS);
        assert!(name.ends_with(".gz"));
    }

    #[test]
    fn the_header_holds_one_line() {
        let value = attachment("a\r\nb\"c.zip").try_into_value().unwrap();
        assert_eq!(value.to_str().unwrap(), "attachment; filename=\"ab_c.zip\"");
        let value = attachment("снимок.zip").try_into_value().unwrap();
        assert!(value.to_str().unwrap().contains("filename*=UTF-8''%D1%81"));
    }
}
