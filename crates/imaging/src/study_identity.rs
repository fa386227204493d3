//! Whose study a file says it is.

use norma_domain::StudyIdentity;

use crate::character_set::CharacterSet;
use crate::element_values::Values;
use crate::patient_age::plain_date;

/// The longest text that is taken over, in characters: 64 for LO and each of a PN's three groups (PS3.5 table 6.2-1).
const LONGEST: usize = 200;

/// Reads what one file says.
pub(crate) fn read_identity(values: &Values<'_>) -> StudyIdentity {
    let set = CharacterSet::of(&values.texts(0x0008_0005));
    let text_in = |values: &Values<'_>, tag| {
        let text: String = set
            .decode(values.bytes(tag)?)
            .chars()
            .filter(|character| !character.is_control())
            .take(LONGEST)
            .collect();
        let text = text.trim().trim_end_matches('^').trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    let text = |tag| text_in(values, tag);
    // Zeros are no date.
    let date = |tag| plain_date(&text(tag)?).filter(|date| date.bytes().any(|digit| digit != b'0'));
    // Who gave the ID, by name or else by a universal identifier.
    let issuer = text(0x0010_0021).or_else(|| text_in(&values.group(0x0010_0024)?, 0x0040_0032));
    StudyIdentity {
        patient_id: text(0x0010_0020),
        issuer_of_patient_id: issuer,
        patient_name: text(0x0010_0010),
        birth_date: date(0x0010_0030),
        sex: text(0x0010_0040)
            .map(|sex| sex.to_uppercase())
            .filter(|sex| matches!(sex.as_str(), "M" | "F" | "O")),
        accession_number: text(0x0008_0050),
        study_date: date(0x0008_0020),
        study_time: text(0x0008_0030).and_then(|time| clock_time(&time)),
        study_description: text(0x0008_1030),
        referring_physician: text(0x0008_0090),
        institution: text(0x0008_0080),
        is_deidentified: text(0x0012_0062).is_some_and(|said| said.eq_ignore_ascii_case("YES")),
        persons: Vec::new(),
    }
}

/// `HHMMSS` or a beginning of it, of a TM such as `101500.25` (PS3.5 table 6.2-1).
fn clock_time(text: &str) -> Option<String> {
    let digits = text.replace(':', "");
    let whole = digits.split('.').next().unwrap_or_default();
    let is_time =
        matches!(whole.len(), 2 | 4 | 6) && whole.bytes().all(|byte| byte.is_ascii_digit()) && whole < "24";
    is_time.then(|| whole.to_owned())
}

#[cfg(test)]
mod tests {
    use super::clock_time;

    #[test]
    fn a_time_is_cut_to_seconds() {
        assert_eq!(clock_time("101500.25").as_deref(), Some("101500"));
        assert_eq!(clock_time("10:15:00").as_deref(), Some("101500"));
        assert_eq!(clock_time("1015").as_deref(), Some("1015"));
        assert_eq!(clock_time("noon"), None);
        assert_eq!(clock_time("990000"), None);
    }
}
