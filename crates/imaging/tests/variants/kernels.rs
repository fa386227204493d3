//! Several kernels in one series.

use dicom_core::VR;
use dicom_dictionary_std::tags;
use norma_domain::ReasonCode::InconsistentSeries;

use super::images::{Image, PLACES, files};
use super::right::{Right, Variant, check};

fn kernel(image: &mut Image, name: &str) {
    image.set(tags::CONVOLUTION_KERNEL, VR::SH, name);
}

fn one(name: &str, right: Right, change: impl Fn(&mut Image)) -> Variant {
    Variant::of_files(name, files(1, change), right)
}

fn two(name: &str, right: Right, change: impl Fn(&mut Image)) -> Variant {
    Variant::of_files(name, files(2, change), right)
}

#[test]
fn slices_of_two_kernels_by_turns_are_read_by_one_and_said_so() {
    check(&[
        one("soft and sharp by turns", Right::EveryOther, |image| {
            kernel(image, ["B31f", "B70f"][image.place % 2]);
        }),
        one("a kernel and none by turns", Right::EveryOther, |image| {
            kernel(image, ["B31f", ""][image.place % 2]);
        }),
        one("by turns, and a UID per slice", Right::EveryOther, |image| {
            kernel(image, ["B31f", "B70f"][image.place % 2]);
            image.series(image.own());
        }),
        one(
            "by turns, numbered one after the other",
            Right::EveryOther,
            |image| {
                kernel(image, ["STANDARD", "LUNG"][image.place % 2]);
                image.number((image.place % 2) * PLACES / 2 + image.place / 2 + 1);
            },
        ),
        one("another kernel in one slice", Right::Flagged, |image| {
            kernel(image, if image.place == 9 { "B70f" } else { "B31f" });
        }),
        one(
            "a kernel per slice",
            Right::Refused(InconsistentSeries),
            |image| kernel(image, &format!("B{}f", image.place)),
        ),
    ]);
}

#[test]
fn two_whole_reconstructions_in_one_series_are_two_volumes() {
    check(&[
        two("two kernels at the same places", Right::Whole, |image| {
            kernel(image, ["B31f", "B70f"][image.phase]);
        }),
        two("and equal numbers", Right::Whole, |image| {
            kernel(image, ["B31f", "B70f"][image.phase]);
            image.number(image.place + 1);
        }),
        two("and numbers by turns", Right::Whole, |image| {
            kernel(image, ["B31f", "B70f"][image.phase]);
            image.number(2 * image.place + image.phase + 1);
        }),
    ]);
}
