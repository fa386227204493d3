//! One identifier in several ways of writing: the UUIDs that some exports put where UIDs belong come in capitals and in
//! small letters, in braces and as URNs, with and without hyphens, of one study too.

use std::collections::HashMap;

use norma_domain::{SeriesInstanceUid, StudyInstanceUid};

use crate::dicom_header::InstanceHeader;

/// Gives the identifiers of studies and series that differ in their writing alone the text of the first one, within a
/// scope: the files of one archive, or of a folder.
#[derive(Default)]
pub(crate) struct WrittenIdentifiers {
    studies: HashMap<(u32, String), StudyInstanceUid>,
    series: HashMap<(u32, String), SeriesInstanceUid>,
}

impl WrittenIdentifiers {
    pub(crate) fn unify(&mut self, scope: u32, header: &mut InstanceHeader) {
        // UIDs of the standard are written in one way.
        if let Some(uid) = header.study.as_mut().filter(|uid| !uid.is_valid()) {
            let first = self.studies.entry((scope, written_plainly(uid.as_str())));
            uid.clone_from(first.or_insert_with(|| uid.clone()));
        }
        if let Some(uid) = header.series.as_mut().filter(|uid| !uid.is_valid()) {
            let first = self.series.entry((scope, written_plainly(uid.as_str())));
            uid.clone_from(first.or_insert_with(|| uid.clone()));
        }
    }
}

/// The identifier as no matter how it is written.
fn written_plainly(text: &str) -> String {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_prefix("urn:").unwrap_or(&text);
    let text = text.strip_prefix("uuid:").unwrap_or(text);
    let text = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'))
        .unwrap_or(text);
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    let is_uuid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_uuid { digits } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::written_plainly;

    #[test]
    fn a_uuid_is_one_however_it_is_written() {
        let plain = "1355759b7653424eb0b51d131628d0e4";
        for text in [
            "1355759b-7653-424e-b0b5-1d131628d0e4",
            "1355759B-7653-424E-B0B5-1D131628D0E4",
            "{1355759b-7653-424e-b0b5-1d131628d0e4}",
            "urn:uuid:1355759b-7653-424e-b0b5-1d131628d0e4",
            "1355759B7653424EB0B51D131628D0E4 ",
        ] {
            assert_eq!(written_plainly(text), plain);
        }
        assert_eq!(written_plainly("STUDY-1"), "study-1");
        assert_ne!(written_plainly("study-1"), written_plainly("study1"));
    }
}
