//! Whether the images of a study are of one person.
//!
//! What names the person is compared in memory and goes nowhere else: no message, no log, no volume holds it.

use std::collections::BTreeSet;
use std::fmt;

use crate::element_values::Values;
use crate::patient_age::plain_date;
use crate::patient_names::{NameForms, SameName};

/// So many names of one study are those of several persons.
const MOST_NAMES: usize = 16;

/// What tells patients and orders apart, normalised for comparison. None where the file says nothing.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct PatientMarks {
    patient_id: Option<Box<[u8]>>,
    /// Who gave the ID: two hospitals give the same to two persons.
    issuer: Option<Box<[u8]>>,
    /// The same as a universal identifier.
    issuer_id: Option<Box<[u8]>>,
    name: Option<NameForms>,
    birth_date: Option<Box<[u8]>>,
    sex: Option<Box<[u8]>>,
    accession_number: Option<Box<[u8]>>,
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
            issuer_id: values
                .group(0x0010_0024)
                .and_then(|qualifiers| normalised(&qualifiers, 0x0040_0032)),
            name: NameForms::read(values),
            birth_date: birth_date(values),
            sex: normalised(values, 0x0010_0040).map(plain_sex),
            accession_number: normalised(values, 0x0008_0050),
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
    // Two quotation marks are what HL7 writes for a value that is taken away.
    (!upper.is_empty() && upper != b"\"\"").then(|| upper.into_boxed_slice())
}

/// As `YYYYMMDD`; what is no date as it stands, and zeros are none.
fn birth_date(values: &Values<'_>) -> Option<Box<[u8]>> {
    let plain = values.text(0x0010_0030).and_then(|date| plain_date(&date));
    let date = match plain {
        Some(date) => Some(date.into_bytes().into_boxed_slice()),
        None => normalised(values, 0x0010_0030),
    };
    date.filter(|date| date.iter().any(|digit| *digit != b'0'))
}

/// `M` and `F` (CS, PS3.3 C.7.1.1) also where they are written out; anything else as it stands.
fn plain_sex(sex: Box<[u8]>) -> Box<[u8]> {
    match &*sex {
        b"MALE" => (*b"M").into(),
        b"FEMALE" => (*b"F").into(),
        b"OTHER" => (*b"O").into(),
        _ => sex,
    }
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
    let issuer_ids = distinct(|marks| marks.issuer_id.as_deref());
    let births = distinct(|marks| marks.birth_date.as_deref());
    let sexes = distinct(|marks| marks.sex.as_deref());
    let is_known_to_be_one = ids == 1 && births == 1;
    let names = conflicting_names(images, ids == 1, is_known_to_be_one);
    // The same number, with and without the zeros before it, of a person with one name and one date of birth.
    let is_named = images.iter().any(|(marks, _)| marks.name.is_some());
    let ids = if births == 1 && is_named && names <= 1 {
        distinct(|marks| marks.patient_id.as_deref().map(without_leading_zeros))
    } else {
        ids
    };
    let mut conflicts: Vec<String> = [
        (ids, "Patient ID"),
        (issuers, "Issuer of Patient ID"),
        (issuer_ids, "Issuer of Patient ID Qualifiers"),
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

/// A number without the zeros before it; any other identifier as it stands.
fn without_leading_zeros(id: &[u8]) -> &[u8] {
    if !id.iter().all(u8::is_ascii_digit) {
        return id;
    }
    let first = id.iter().position(|digit| *digit != b'0');
    &id[first.unwrap_or(id.len().saturating_sub(1))..]
}

/// How many names there are that cannot be one person's; 1 or less where all may be.
fn conflicting_names(images: &[(&PatientMarks, usize)], has_one_id: bool, is_known_to_be_one: bool) -> usize {
    let names: BTreeSet<&NameForms> = images
        .iter()
        .filter_map(|(marks, _)| marks.name.as_ref())
        .collect();
    let names: Vec<&NameForms> = names.into_iter().collect();
    let may_be_one = |one: &NameForms, other: &NameForms| match one.compare(other) {
        SameName::Yes => true,
        SameName::Unknown => has_one_id,
        SameName::AsSpoken => is_known_to_be_one,
        SameName::No => false,
    };
    let is_one = names.len() <= MOST_NAMES
        && names
            .iter()
            .enumerate()
            .all(|(index, one)| names[index + 1..].iter().all(|other| may_be_one(one, other)));
    if is_one { 1 } else { names.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(id: &str, name: &str, birth: &str, accession: &str) -> PatientMarks {
        let value = |text: &str| (!text.is_empty()).then(|| text.as_bytes().into());
        PatientMarks {
            patient_id: value(id),
            name: NameForms::of(name),
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
        for name in [
            "DOE^JANE",
            "Doe^Jane^^",
            " Doe ^Jane",
            "Doe^Jane=多",
            "Doe Jane",
            "",
        ] {
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
    fn a_name_in_other_letters_or_shorter_is_the_same_where_the_rest_is() {
        let born = |name: &str| marks("7", name, "19700101", "");
        let somebody = |name: &str| marks("7", name, "", "");
        let nobody = |name: &str| marks("", name, "", "");
        // By ID and date of birth, by ID alone, by the name alone.
        for (first, second, are_one) in [
            ("Иванов^Иван", "ИВАНОВ^ИВАН", [true, true, true]),
            ("Ivanov^Ivan", "Иванов^Иван", [true, true, true]),
            ("Семёнов^Пётр", "Семенов^Петр", [true, true, true]),
            ("Yamada^Tarou=山田^太郎", "=山田^太郎", [true, true, true]),
            ("Yamada^Tarou", "山田^太郎", [true, true, false]),
            ("Èâàíîâ^Èâàí", "Иванов^Иван", [true, true, false]),
            (
                "Aleksandrov^Alexander",
                "Александров^Александр",
                [true, false, false],
            ),
            ("Doe^J", "Doe^Jane", [true, false, false]),
            ("Jane^Doe", "Doe^Jane", [true, false, false]),
            (
                "Yamada^Tarou=山田^太郎",
                "Yamada^Tarou=山田^一郎",
                [false, false, false],
            ),
            (
                "Yamada^Tarou=山田^太郎=やまだ^たろう",
                "Yamada^Tarou=山田^太郎=さとう^はなこ",
                [false, false, false],
            ),
            (
                "Yamada^Tarou=山田^太郎",
                "山田太郎=Yamada^Tarou",
                [true, true, true],
            ),
            (
                "Yamada^Tarou==やまだ^たろう",
                "Yamada^Tarou==ﾔﾏﾀﾞ^ﾀﾛｳ",
                [true, true, true],
            ),
            ("Müller^Jörg", "Mu\u{308}ller^Jo\u{308}rg", [true, true, true]),
            ("Doe^Jane", "\"\"", [true, true, true]),
            ("Иванов^Иван", "Петров^Пётр", [false, false, false]),
            ("Doe^Jane", "Doe^Mary", [false, false, false]),
        ] {
            let told = [
                conflict(born(first), born(second), true),
                conflict(somebody(first), somebody(second), true),
                conflict(nobody(first), nobody(second), true),
            ];
            assert_eq!(
                told.map(|conflict| conflict.is_none()),
                are_one,
                "{first} / {second}"
            );
        }
    }

    #[test]
    fn zeros_before_a_number_are_no_other_number_of_a_person_known_otherwise() {
        let born = |id: &str| marks(id, "Doe^Jane", "19700101", "");
        assert_eq!(conflict(born("0004711"), born("4711"), true), None);
        assert_eq!(conflict(born("000"), born("0"), true), None);
        assert!(conflict(born("0004711"), born("47110"), true).is_some());
        assert!(conflict(born("A-01"), born("A-1"), true).is_some());
        let unknown = |id: &str| marks(id, "Doe^Jane", "", "");
        assert!(conflict(unknown("0004711"), unknown("4711"), true).is_some());
        let unnamed = |id: &str| marks(id, "", "19700101", "");
        assert!(conflict(unnamed("0004711"), unnamed("4711"), true).is_some());
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
        let by_uid = |uid: &str| PatientMarks {
            issuer_id: Some(uid.as_bytes().into()),
            ..of(None)
        };
        assert_eq!(conflict(by_uid("1.2"), of(Some("A")), true), None);
        assert!(conflict(by_uid("1.2"), by_uid("1.3"), true).is_some());
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
