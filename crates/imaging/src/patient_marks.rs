//! Whether the images of a study are of one person.
//!
//! What names the person is compared in memory and goes nowhere else: no message, no log, no volume holds it.

use std::collections::BTreeSet;
use std::fmt;

use crate::element_values::Values;
use crate::patient_age::plain_date;

/// What tells patients and orders apart, normalised for comparison. None where the file says nothing.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct PatientMarks {
    patient_id: Option<Box<[u8]>>,
    /// Who gave the ID: two hospitals give the same to two persons.
    issuer: Option<Box<[u8]>>,
    name: Option<Box<[u8]>>,
    birth_date: Option<Box<[u8]>>,
    sex: Option<Box<[u8]>>,
    accession_number: Option<Box<[u8]>>,
    /// Specific Character Set: the same name has other bytes in another one.
    character_set: Option<Box<[u8]>>,
}

/// Never what it holds.
impl fmt::Debug for PatientMarks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PatientMarks([redacted])")
    }
}

impl PatientMarks {
    pub(crate) fn read(values: &Values<'_>) -> Self {
        Self {
            patient_id: normalised(values, 0x0010_0020),
            issuer: normalised(values, 0x0010_0021),
            name: values.mark(0x0010_0010).and_then(|name| normalised_name(&name)),
            birth_date: values
                .text(0x0010_0030)
                .and_then(|date| plain_date(&date))
                .map(|date| date.into_bytes().into_boxed_slice())
                .or_else(|| normalised(values, 0x0010_0030)),
            sex: normalised(values, 0x0010_0040),
            accession_number: normalised(values, 0x0008_0050),
            character_set: normalised(values, 0x0008_0005),
        }
    }

    /// Whether a person is named at all.
    pub(crate) fn name_somebody(&self) -> bool {
        self.patient_id.is_some() || self.name.is_some()
    }
}

fn normalised(values: &Values<'_>, tag: u32) -> Option<Box<[u8]>> {
    let text = values.mark(tag)?;
    let upper = text.to_ascii_uppercase();
    (!upper.is_empty()).then(|| upper.into_boxed_slice())
}

/// The first component group of a PN, without empty trailing components, in capitals, blanks collapsed.
fn normalised_name(name: &[u8]) -> Option<Box<[u8]>> {
    let group = name
        .split(|byte| *byte == b'=')
        .find(|group| group.iter().any(|byte| !matches!(byte, b'^' | b' ')))?;
    let mut components: Vec<Vec<u8>> = group
        .split(|byte| *byte == b'^')
        .map(|component| {
            let words: Vec<&[u8]> = component
                .split(|byte| *byte == b' ')
                .filter(|word| !word.is_empty())
                .collect();
            words.join(&b' ').to_ascii_uppercase()
        })
        .collect();
    while components.last().is_some_and(Vec::is_empty) {
        components.pop();
    }
    Some(components.join(&b'^').into_boxed_slice())
}

/// Says by count why images cannot all be of one patient; None where nothing speaks against it. `series` numbers the
/// series of each image: another Accession Number within a series is a conflict, and between series where nothing
/// else shows that the patient is one (one examination may answer several orders).
pub(crate) fn patient_conflict(images: &[(&PatientMarks, usize)]) -> Option<String> {
    let distinct = |pick: fn(&PatientMarks) -> Option<&[u8]>| {
        let values: BTreeSet<&[u8]> = images.iter().filter_map(|(marks, _)| pick(marks)).collect();
        values.len()
    };
    let ids = distinct(|marks| marks.patient_id.as_deref());
    let issuers = distinct(|marks| marks.issuer.as_deref());
    let births = distinct(|marks| marks.birth_date.as_deref());
    let sexes = distinct(|marks| marks.sex.as_deref());
    let is_one_alphabet = distinct(|marks| marks.character_set.as_deref()) <= 1
        || images
            .iter()
            .all(|(marks, _)| marks.name.as_deref().is_none_or(<[u8]>::is_ascii));
    let names = if is_one_alphabet {
        distinct(|marks| marks.name.as_deref())
    } else {
        1
    };
    let mut conflicts: Vec<String> = [
        (ids, "Patient ID"),
        (issuers, "Issuer of Patient ID"),
        (names, "Patient's Name"),
        (births, "Patient's Birth Date"),
        (sexes, "Patient's Sex"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 1)
    .map(|(count, what)| format!("{count} values of {what}"))
    .collect();
    if conflicts.is_empty() {
        let is_known_to_be_one = ids == 1 && births == 1;
        let orders: BTreeSet<(usize, &[u8])> = images
            .iter()
            .filter_map(|(marks, series)| Some((*series, marks.accession_number.as_deref()?)))
            .collect();
        let all: BTreeSet<&[u8]> = orders.iter().map(|(_, order)| *order).collect();
        let in_one_series = orders
            .iter()
            .zip(orders.iter().skip(1))
            .any(|((first, _), (second, _))| first == second);
        if in_one_series || (all.len() > 1 && !is_known_to_be_one) {
            conflicts.push(format!("{} values of Accession Number", all.len()));
        }
    }
    (!conflicts.is_empty()).then(|| conflicts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(id: &str, name: &str, birth: &str, accession: &str) -> PatientMarks {
        let value = |text: &str| (!text.is_empty()).then(|| text.as_bytes().into());
        PatientMarks {
            patient_id: value(id),
            name: normalised_name(name.as_bytes()),
            birth_date: value(birth),
            accession_number: value(accession),
            ..PatientMarks::default()
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "the calls read as what they compare"
    )]
    fn conflict(first: PatientMarks, second: PatientMarks, one_series: bool) -> Option<String> {
        patient_conflict(&[(&first, 0), (&second, usize::from(!one_series))])
    }

    #[test]
    fn the_same_person_written_otherwise_is_the_same() {
        let one = marks("7", "Doe^Jane", "19700101", "");
        for name in ["DOE^JANE", "Doe^Jane^^", " Doe ^Jane", "Doe^Jane=多", ""] {
            assert_eq!(
                conflict(one.clone(), marks("7", name, "", "A"), true),
                None,
                "{name}"
            );
        }
    }

    #[test]
    fn another_person_is_told_by_count_and_not_by_name() {
        let one = marks("7", "Doe^Jane", "19700101", "");
        let told = conflict(one.clone(), marks("8", "Roe^Jane", "19700101", ""), true).unwrap();
        assert_eq!(told, "2 values of Patient ID, 2 values of Patient's Name");
        assert!(conflict(one, marks("7", "Doe^Jane", "19480229", ""), false).is_some());
    }

    #[test]
    fn one_id_of_two_issuers_is_of_two_persons() {
        let of = |issuer: Option<&str>| PatientMarks {
            issuer: issuer.map(|issuer| issuer.as_bytes().into()),
            ..marks("7", "Doe^Jane", "", "")
        };
        assert_eq!(conflict(of(Some("A")), of(Some("A")), true), None);
        assert_eq!(conflict(of(Some("A")), of(None), true), None);
        let told = conflict(of(Some("A")), of(Some("B")), true).unwrap();
        assert_eq!(told, "2 values of Issuer of Patient ID");
    }

    #[test]
    fn one_examination_may_answer_two_orders() {
        let order = |accession| marks("7", "Doe^Jane", "19700101", accession);
        assert_eq!(conflict(order("A"), order("B"), false), None);
        assert!(
            conflict(order("A"), order("B"), true).is_some(),
            "within a series"
        );
        let nobody = |accession| marks("", "", "", accession);
        assert!(conflict(nobody("A"), nobody("B"), false).is_some());
    }
}
