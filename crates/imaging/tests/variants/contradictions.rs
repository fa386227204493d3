//! Files of two persons that differ in one attribute, and an orientation that is none.

use dicom_core::VR;
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

#[test]
fn an_orientation_that_is_none_is_named() {
    check(&[one("zeros", Right::Refused(NoChestSeries), |image| {
        image.set(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "0\\0\\0\\0\\0\\0");
    })]);
}
