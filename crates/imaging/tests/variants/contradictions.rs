//! Files of two persons that differ in one attribute, and an orientation that is none.

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use norma_domain::ReasonCode::{NoChestSeries, SeveralPatients};

use super::images::{Image, files};
use super::right::{Right, Variant, check};

fn one(name: &str, right: Right, change: impl Fn(&mut Image)) -> Variant {
    Variant::of_files(name, files(1, change), right)
}

#[test]
fn one_attribute_tells_two_persons() {
    let refused = Right::Refused(SeveralPatients);
    check(&[
        one("issuer of the ID", refused, |image| {
            image.set(tags::ISSUER_OF_PATIENT_ID, VR::LO, ["H1", "H2"][image.place % 2]);
        }),
        one("the issuer is not always given", Right::Whole, |image| {
            if image.place % 2 == 0 {
                image.set(tags::ISSUER_OF_PATIENT_ID, VR::LO, "H1");
            }
        }),
        one("date of birth", refused, |image| {
            let dates = ["19700101", "1970.02.01"];
            image.set(tags::PATIENT_BIRTH_DATE, VR::DA, dates[image.place % 2]);
        }),
        one("one date of birth written in two ways", Right::Whole, |image| {
            let dates = ["19700201", "1970.02.01"];
            image.set(tags::PATIENT_BIRTH_DATE, VR::DA, dates[image.place % 2]);
        }),
        one(
            "date of birth with a time, with slashes, as zeros",
            Right::Whole,
            |image| {
                let dates = ["19700201", "19700201000000", "1970/02/01", "00000000"];
                image.set(tags::PATIENT_BIRTH_DATE, VR::DA, dates[image.place % 4]);
            },
        ),
        one("sex", refused, |image| {
            image.set(tags::PATIENT_SEX, VR::CS, ["M", "F"][image.place % 2]);
        }),
        one("sex written out, small and not at all", Right::Whole, |image| {
            image.set(
                tags::PATIENT_SEX,
                VR::CS,
                ["F", "FEMALE", "f", ""][image.place % 4],
            );
        }),
        one("age", refused, |image| {
            image.set(tags::PATIENT_AGE, VR::AS, ["030Y", "071Y"][image.place % 2]);
        }),
        one("a birthday during the examination", Right::Whole, |image| {
            image.set(tags::PATIENT_AGE, VR::AS, ["070Y", "071Y"][image.place % 2]);
        }),
        one("age in years and in months", Right::Whole, |image| {
            image.set(tags::PATIENT_AGE, VR::AS, ["041Y", "498M"][image.place % 2]);
        }),
    ]);
}

/// The files of a person whose name half of them write otherwise, each in its Specific Character Set.
fn named(name: &str, right: Right, ways: [(&str, &[u8]); 2]) -> Variant {
    one(name, right, |image| {
        let (set, bytes) = ways[image.place % 2];
        if !set.is_empty() {
            image.set(tags::SPECIFIC_CHARACTER_SET, VR::CS, set);
        }
        let value = PrimitiveValue::U8(bytes.into());
        image
            .object
            .put(DataElement::new(tags::PATIENT_NAME, VR::PN, value));
    })
}

#[test]
fn a_name_is_compared_as_its_letters_not_as_its_bytes() {
    const UTF_8: &str = "ISO_IR 192";
    // ISO 8859-5 and Windows-1251.
    let ivan = [0xB8, 0xD2, 0xD0, 0xDD, 0xDE, 0xD2, b'^', 0xB8, 0xD2, 0xD0, 0xDD];
    let ivan_of_windows = [0xC8, 0xE2, 0xE0, 0xED, 0xEE, 0xE2, b'^', 0xC8, 0xE2, 0xE0, 0xED];
    let utf_8 = |name: &'static str| (UTF_8, name.as_bytes());
    let refused = Right::Refused(SeveralPatients);
    check(&[
        named(
            "in two character sets",
            Right::Whole,
            [("ISO_IR 144", &ivan), utf_8("Иванов^Иван")],
        ),
        named(
            "in a code page that nothing names",
            Right::Whole,
            [("", &ivan_of_windows), utf_8("ИВАНОВ^ИВАН")],
        ),
        named(
            "in a code page under a wrong name",
            Right::Whole,
            [("ISO_IR 100", &ivan_of_windows), utf_8("Иванов^Иван")],
        ),
        named(
            "in Latin letters",
            Right::Whole,
            [utf_8("Ivanov^Ivan"), utf_8("Иванов^Иван")],
        ),
        named(
            "with blanks for carets",
            Right::Whole,
            [utf_8("DOE^JANE"), utf_8("Doe Jane^^")],
        ),
        named(
            "two persons in two character sets",
            refused,
            [("ISO_IR 144", &ivan), utf_8("Петров^Пётр")],
        ),
        named(
            "two persons in two alphabets",
            refused,
            [("ISO_IR 100", b"DOE^JANE"), utf_8("Петров^Пётр")],
        ),
        named(
            "two persons who sound alike",
            refused,
            [utf_8("Yamada^Tarou=山田^太郎"), utf_8("Yamada^Tarou=山田^一郎")],
        ),
        named(
            "two persons whose names sound different",
            refused,
            [
                utf_8("Yamada^Tarou=山田^太郎=やまだ^たろう"),
                utf_8("Yamada^Tarou=山田^太郎=さとう^はなこ"),
            ],
        ),
        named(
            "an ideographic name without a caret, and one without the others",
            Right::Whole,
            [utf_8("Yamada^Tarou=山田^太郎"), utf_8("=山田太郎")],
        ),
        named(
            "kana of half width and hiragana",
            Right::Whole,
            [
                utf_8("Yamada^Tarou==ﾔﾏﾀﾞ^ﾀﾛｳ"),
                utf_8("Yamada^Tarou==やまだ^たろう"),
            ],
        ),
        named(
            "letters composed and not",
            Right::Whole,
            [utf_8("Müller^Jörg"), utf_8("Mu\u{308}ller^Jo\u{308}rg")],
        ),
        named(
            "what HL7 writes for none",
            Right::Whole,
            [utf_8("DOE^JANE"), utf_8("\"\"")],
        ),
    ]);
}

#[test]
fn an_orientation_that_is_none_is_named() {
    check(&[one("zeros", Right::Refused(NoChestSeries), |image| {
        image.set(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "0\\0\\0\\0\\0\\0");
    })]);
}
