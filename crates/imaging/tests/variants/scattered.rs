//! A Series Instance UID in every slice, or every few.

use dicom_core::VR;
use dicom_dictionary_std::tags;
use norma_domain::ReasonCode::{InconsistentSeries, SeriesScattered, SeveralPatients};

use super::images::{Image, PLACES, files, images};
use super::right::{Right, Variant, check};
use super::support::dicom_files::put_text;

fn one(name: &str, right: Right, change: impl Fn(&mut Image)) -> Variant {
    Variant::of_files(name, files(1, change), right)
}

fn two(name: &str, right: Right, change: impl Fn(&mut Image)) -> Variant {
    Variant::of_files(name, files(2, change), right)
}

fn in_own_series(image: &mut Image) {
    image.series(image.own());
}

#[test]
fn slices_with_series_uids_of_their_own_are_one_series() {
    check(&[
        one("a UID per slice", Right::Whole, in_own_series),
        one("and a number", Right::Whole, |image| {
            in_own_series(image);
            image.set(tags::SERIES_NUMBER, VR::IS, image.place + 1);
        }),
        one("and a description", Right::Whole, |image| {
            in_own_series(image);
            image.set(tags::SERIES_DESCRIPTION, VR::LO, format!("Chest {}", image.place));
        }),
        one("and all three and a frame of reference", Right::Whole, |image| {
            in_own_series(image);
            image.set(tags::SERIES_NUMBER, VR::IS, image.place + 1);
            image.set(tags::SERIES_DESCRIPTION, VR::LO, format!("Im {}", image.place));
            image.set(
                tags::FRAME_OF_REFERENCE_UID,
                VR::UI,
                format!("1.2.5.{}", image.place),
            );
        }),
        one("and an acquisition number and time", Right::Whole, |image| {
            in_own_series(image);
            image.set(tags::ACQUISITION_NUMBER, VR::IS, image.place + 1);
            image.set(tags::ACQUISITION_TIME, VR::TM, format!("1015{:02}", image.place));
        }),
        one("and no frame of reference", Right::Whole, |image| {
            in_own_series(image);
            image.drop(tags::FRAME_OF_REFERENCE_UID);
        }),
        one("and neither time nor frame of reference", Right::Whole, |image| {
            in_own_series(image);
            image.drop(tags::FRAME_OF_REFERENCE_UID);
            image.drop(tags::STUDY_DATE);
            image.drop(tags::STUDY_TIME);
        }),
        one("and no instance numbers", Right::Whole, |image| {
            in_own_series(image);
            image.drop(tags::INSTANCE_NUMBER);
        }),
        one("and thicknesses written in several ways", Right::Whole, |image| {
            in_own_series(image);
            image.set(
                tags::SLICE_THICKNESS,
                VR::DS,
                ["2", "2.0", "2.000"][image.place % 3],
            );
        }),
        one("a UID per pair", Right::Whole, |image| {
            image.series(image.place / 2);
        }),
        one("a UID and a number per pair", Right::Whole, |image| {
            image.series(image.place / 2);
            image.set(tags::SERIES_NUMBER, VR::IS, image.place / 2 + 1);
        }),
        one("a UID per three", Right::Whole, |image| {
            image.series(image.place / 3);
        }),
        one(
            "a UID, a number and a description per five",
            Right::Whole,
            |image| {
                image.series(image.place / 5);
                image.set(tags::SERIES_NUMBER, VR::IS, image.place / 5 + 1);
                image.set(
                    tags::SERIES_DESCRIPTION,
                    VR::LO,
                    format!("Part {}", image.place / 5),
                );
            },
        ),
        one(
            "half of the slices with one UID, half with their own",
            Right::Whole,
            |image| {
                if image.place % 2 == 0 {
                    in_own_series(image);
                }
            },
        ),
        one(
            "the lower slices with one UID, the upper with their own",
            Right::Whole,
            |image| {
                if image.place > 14 {
                    in_own_series(image);
                }
            },
        ),
        one("no Series Instance UID in some", Right::Whole, |image| {
            if image.place % 3 == 0 {
                image.drop(tags::SERIES_INSTANCE_UID);
            }
        }),
        one(
            "study, series and frame of reference per slice",
            Right::Whole,
            |image| {
                in_own_series(image);
                image.set(tags::STUDY_INSTANCE_UID, VR::UI, format!("1.2.6.{}", image.place));
                image.set(
                    tags::FRAME_OF_REFERENCE_UID,
                    VR::UI,
                    format!("1.2.5.{}", image.place),
                );
            },
        ),
        one("a study and a series per pair", Right::Whole, |image| {
            image.series(image.place / 2);
            image.set(
                tags::STUDY_INSTANCE_UID,
                VR::UI,
                format!("1.2.6.{}", image.place / 2),
            );
        }),
        one("UIDs that are no UIDs per slice", Right::Whole, |image| {
            image.set(
                tags::SERIES_INSTANCE_UID,
                VR::LO,
                format!("series {}", image.place),
            );
            image.set(tags::SOP_INSTANCE_UID, VR::LO, "");
        }),
    ]);
}

#[test]
fn an_identifier_written_in_several_ways_is_one() {
    const UUID: &str = "1355759b-7653-424e-b0b5-1d131628d0e4";
    let written = |name: &str, ways: [&'static str; 2]| {
        one(name, Right::Whole, move |image| {
            let way = ways[image.place % 2];
            image.set(tags::STUDY_INSTANCE_UID, VR::UI, way);
            image.set(tags::SERIES_INSTANCE_UID, VR::UI, way.replace("1355", "77AB"));
        })
    };
    check(&[
        written("capitals", [UUID, "1355759B-7653-424E-B0B5-1D131628D0E4"]),
        written("braces", ["{1355759b-7653-424e-b0b5-1d131628d0e4}", UUID]),
        written("no hyphens", [UUID, "1355759b7653424eb0b51d131628d0e4"]),
        written("an URN", ["urn:uuid:1355759b-7653-424e-b0b5-1d131628d0e4", UUID]),
    ]);
}

#[test]
fn a_scattered_series_is_found_among_others() {
    let mut with_others = images(1, in_own_series);
    for (number, kind) in ["LOCALIZER", "AXIAL\\DOSE_INFO"].into_iter().enumerate() {
        let mut other = with_others[number].copy();
        other.set(tags::IMAGE_TYPE, VR::CS, format!("ORIGINAL\\PRIMARY\\{kind}"));
        other.set(tags::SOP_INSTANCE_UID, VR::UI, format!("1.2.9.{number}"));
        other.series(90 + number);
        with_others.push(other);
    }
    let mut report = with_others[3].copy();
    report.series(99);
    report.set(tags::MODALITY, VR::CS, "SR");
    report.drop(tags::PIXEL_DATA);
    with_others.push(report);
    let mut copied = images(1, in_own_series);
    for index in 0..PLACES {
        let mut copy = copied[index].copy();
        copy.set(tags::SOP_INSTANCE_UID, VR::UI, format!("1.2.9.{index}"));
        copy.series(60 + index);
        copied.push(copy);
    }
    let bytes = |images: Vec<Image>| images.into_iter().map(Image::bytes).collect();
    let missing = images(1, in_own_series)
        .into_iter()
        .filter(|image| image.place != 9);
    check(&[
        Variant::of_files(
            "localizer, dose sheet and report beside",
            bytes(with_others),
            Right::Whole,
        ),
        Variant::of_files("every slice twice", bytes(copied), Right::Whole),
        Variant::of_files("one slice is missing", bytes(missing.collect()), Right::Flagged),
        two("two kernels", Right::Whole, |image| {
            in_own_series(image);
            image.set(tags::CONVOLUTION_KERNEL, VR::SH, ["B31f", "B70f"][image.phase]);
        }),
        two(
            "bolus tracking in one place beside a whole series",
            Right::Whole,
            |image| {
                if image.phase == 1 {
                    in_own_series(image);
                    image.at_height(7.0);
                    image.set(tags::ACQUISITION_NUMBER, VR::IS, 30 + image.place);
                }
            },
        ),
    ]);
}

#[test]
fn slices_of_one_acquisition_dealt_out_over_two_or_three_series_are_one() {
    check(&[
        one("every other slice in a second series", Right::Whole, |image| {
            image.series(image.place % 2);
        }),
        one(
            "with a number, a description and a time of its own",
            Right::Whole,
            |image| {
                let part = image.place % 2;
                image.series(part);
                image.set(tags::SERIES_NUMBER, VR::IS, part + 4);
                image.set(tags::SERIES_DESCRIPTION, VR::LO, format!("Chest {part}"));
                image.set(tags::ACQUISITION_TIME, VR::TM, format!("1015{:02}", image.place));
            },
        ),
        one("numbered one series after the other", Right::Whole, |image| {
            let part = image.place % 2;
            image.series(part);
            image.number(part * PLACES / 2 + image.place / 2 + 1);
        }),
        one("every third slice in a third series", Right::Whole, |image| {
            image.series(image.place % 3);
        }),
        two(
            "two acquisitions by their numbers, between each other",
            Right::Whole,
            |image| {
                image.series(image.phase);
                image.set(tags::ACQUISITION_NUMBER, VR::IS, image.phase + 1);
                image.at_height(image.height() + image.phase as f64);
            },
        ),
        two(
            "two acquisitions by their times, between each other",
            Right::Whole,
            |image| {
                image.series(image.phase);
                image.set(
                    tags::ACQUISITION_TIME,
                    VR::TM,
                    format!("10{}5{:02}", image.phase + 1, image.place),
                );
                image.at_height(image.height() + image.phase as f64);
            },
        ),
    ]);
}

#[test]
fn scattered_phases_are_told_apart_or_refused_by_that_name() {
    let refused = Right::Refused(SeriesScattered);
    check(&[
        two("acquisition numbers", Right::Whole, |image| {
            in_own_series(image);
            image.set(tags::ACQUISITION_NUMBER, VR::IS, image.phase + 1);
        }),
        two("descriptions", Right::Whole, |image| {
            in_own_series(image);
            image.set(
                tags::SERIES_DESCRIPTION,
                VR::LO,
                ["arterial", "venous"][image.phase],
            );
        }),
        two("series numbers", Right::Whole, |image| {
            in_own_series(image);
            image.set(tags::SERIES_NUMBER, VR::IS, image.phase + 4);
        }),
        two("frames of reference", Right::Whole, |image| {
            in_own_series(image);
            image.set(
                tags::FRAME_OF_REFERENCE_UID,
                VR::UI,
                format!("1.2.5.{}", image.phase),
            );
            image.drop(tags::INSTANCE_NUMBER);
        }),
        two("instance numbers", Right::Whole, in_own_series),
        two("nothing", refused, |image| {
            in_own_series(image);
            image.drop(tags::INSTANCE_NUMBER);
        }),
        two("nothing, between each other", refused, |image| {
            in_own_series(image);
            image.drop(tags::INSTANCE_NUMBER);
            image.at_height(image.height() + image.phase as f64);
        }),
        two(
            "numbers, between each other",
            Right::WholeOr(SeriesScattered, [0.0, 1.0, 0.0, 0.0]),
            |image| {
                in_own_series(image);
                image.at_height(image.height() + image.phase as f64);
            },
        ),
        two(
            "a UID for both phases of a place, nothing else",
            refused,
            |image| {
                image.series(image.place);
                image.drop(tags::INSTANCE_NUMBER);
            },
        ),
        two("two patients", Right::Refused(SeveralPatients), |image| {
            in_own_series(image);
            image.set(tags::PATIENT_ID, VR::LO, image.phase);
        }),
    ]);
}

#[test]
fn slices_with_too_little_in_common_are_refused_by_that_name() {
    check(&[
        one("a kernel per slice", Right::Refused(SeriesScattered), |image| {
            in_own_series(image);
            image.set(tags::CONVOLUTION_KERNEL, VR::SH, format!("B{}f", image.place));
        }),
        one(
            "an image type per slice",
            Right::Refused(SeriesScattered),
            |image| {
                in_own_series(image);
                image.set(
                    tags::IMAGE_TYPE,
                    VR::CS,
                    format!("ORIGINAL\\PRIMARY\\AXIAL\\T{}", image.place),
                );
            },
        ),
        one(
            "a study per slice of nobody",
            Right::Refused(SeriesScattered),
            |image| {
                in_own_series(image);
                image.set(tags::STUDY_INSTANCE_UID, VR::UI, format!("1.2.6.{}", image.place));
                for tag in [
                    tags::PATIENT_ID,
                    tags::PATIENT_NAME,
                    tags::STUDY_DATE,
                    tags::STUDY_TIME,
                    tags::FRAME_OF_REFERENCE_UID,
                ] {
                    image.drop(tag);
                }
            },
        ),
        one(
            "a kernel per slice under one UID",
            Right::Refused(InconsistentSeries),
            |image| {
                put_text(
                    &mut image.object,
                    tags::CONVOLUTION_KERNEL,
                    VR::SH,
                    &format!("B{}f", image.place),
                );
            },
        ),
    ]);
}
