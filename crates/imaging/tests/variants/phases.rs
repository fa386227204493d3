//! Several volumes in one series: breaths, phases, points in time.

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use norma_domain::ReasonCode::InconsistentSeries;

use super::images::{Image, PLACES, STEP_MM, files, images, picture};
use super::right::{IN_PLACE, Right, Variant, check};
use super::support::dicom_files::{
    COLUMNS, ROWS, SERIES, STUDY, put_pixel_format, put_pixels, put_sequence, put_text, write_as,
};

fn two(name: &str, right: Right, change: impl Fn(&mut Image)) -> Variant {
    Variant::of_files(name, files(2, change), right)
}

fn three(name: &str, right: Right, change: impl Fn(&mut Image)) -> Variant {
    Variant::of_files(name, files(3, change), right)
}

#[test]
fn volumes_between_each_other_are_told_apart_by_their_numbers() {
    let mut variants = Vec::new();
    for shift in [1.0, -1.0, 0.6, -0.6] {
        for (first, second) in [(false, false), (false, true), (true, false), (true, true)] {
            let name = format!("{shift} mm, {first} then {second}");
            let shifts = [0.0, shift, 0.0, 0.0];
            variants.push(two(&name, Right::WholeShifted(shifts), |image| {
                let descends = [first, second][image.phase];
                let at = if descends {
                    PLACES - image.place
                } else {
                    image.place + 1
                };
                image.number(image.phase * PLACES + at);
                image.at_height(image.height() + shifts[image.phase]);
            }));
        }
    }
    let thirds = [0.0, STEP_MM / 3.0, STEP_MM / 1.5, 0.0];
    variants.push(three(
        "three, a third of a step apart",
        Right::WholeShifted(thirds),
        |image| {
            image.at_height(image.height() + thirds[image.phase]);
        },
    ));
    check(&variants);
}

#[test]
fn volumes_between_each_other_without_numbers_are_never_mixed() {
    let either = Right::WholeOr(InconsistentSeries, [0.0, 1.0, 0.0, 0.0]);
    let lifted = |image: &mut Image| image.at_height(image.height() + image.phase as f64);
    check(&[
        two("no numbers", either, |image| {
            lifted(image);
            image.drop(tags::INSTANCE_NUMBER);
        }),
        two("empty numbers", either, |image| {
            lifted(image);
            image.set(tags::INSTANCE_NUMBER, VR::IS, "");
        }),
        two("equal numbers", either, |image| {
            lifted(image);
            image.number(1);
        }),
        two("the numbers of each phase from 1", either, |image| {
            lifted(image);
            image.number(image.place + 1);
        }),
        two("numbers by turns", either, |image| {
            lifted(image);
            image.number(2 * image.place + image.phase + 1);
        }),
        two("content times", either, |image| {
            lifted(image);
            image.drop(tags::INSTANCE_NUMBER);
            image.set(tags::CONTENT_TIME, VR::TM, format!("10{}500", image.phase + 1));
        }),
        // Slices of 10 mm, the other phase half a step above.
        two(
            "by turns, 5 mm apart",
            Right::Refused(InconsistentSeries),
            |image| {
                image.at_height(10.0 * image.place as f64 + 5.0 * image.phase as f64);
                image.number(2 * image.place + image.phase + 1);
            },
        ),
        two(
            "by turns, 8 mm apart",
            Right::Refused(InconsistentSeries),
            |image| {
                image.at_height(16.0 * image.place as f64 + 8.0 * image.phase as f64);
                image.number(2 * image.place + image.phase + 1);
            },
        ),
        two(
            "no acquisition number in one",
            Right::WholeShifted([0.0, 1.0, 0.0, 0.0]),
            |image| {
                lifted(image);
                image.drop(tags::INSTANCE_NUMBER);
                if image.phase == 1 {
                    image.drop(tags::ACQUISITION_NUMBER);
                }
            },
        ),
    ]);
}

#[test]
fn slices_that_are_left_out_do_not_hide_that_the_rest_goes_by_turns() {
    // An enhanced heart in every other slice; three of the same phase, from the middle of the stack, belong elsewhere.
    let mixed = |image: &mut Image| {
        let is_strange = image.phase == 1 && (8..11).contains(&image.place);
        let mut pixels = picture(ROWS, COLUMNS, 0, image.place);
        for (index, value) in pixels.iter_mut().enumerate() {
            let (row, column) = (index / COLUMNS, index % COLUMNS);
            let is_heart = (30..38).contains(&row) && (36..44).contains(&column);
            if is_strange {
                *value = 24 + (index % 5) as u16;
            } else if image.phase == 1 && is_heart {
                *value += 130;
            }
        }
        put_pixels(&mut image.object, &pixels);
        image.at_height(image.height() + image.phase as f64);
        image.number(2 * image.place + image.phase + 1);
    };
    check(&[two(
        "by turns, three slices from elsewhere",
        Right::Refused(InconsistentSeries),
        mixed,
    )]);
}

#[test]
fn volumes_in_the_same_places_are_told_apart_by_what_tells_them() {
    let refused = Right::Refused(InconsistentSeries);
    let unnumbered = |image: &mut Image| image.drop(tags::INSTANCE_NUMBER);
    check(&[
        two("numbers one after another", Right::Whole, |_| ()),
        two("numbers that run back", Right::Whole, |image| {
            if image.phase == 1 {
                image.number(PLACES + image.place + 1);
            }
        }),
        three("three breaths by numbers", Right::Whole, |_| ()),
        three("temporal positions", Right::Whole, |image| {
            unnumbered(image);
            image.set(tags::TEMPORAL_POSITION_IDENTIFIER, VR::IS, image.phase + 1);
        }),
        two("numbers by turns", refused, |image| {
            image.number(2 * image.place + image.phase);
        }),
        two("equal numbers", refused, |image| image.number(image.place)),
        two("empty numbers", refused, |image| {
            image.set(tags::INSTANCE_NUMBER, VR::IS, "");
        }),
        two("no acquisition number in one", Right::Whole, |image| {
            unnumbered(image);
            if image.phase == 0 {
                image.drop(tags::ACQUISITION_NUMBER);
            }
        }),
        two("an acquisition number for every slice", refused, |image| {
            unnumbered(image);
            image.set(tags::ACQUISITION_NUMBER, VR::IS, image.own());
        }),
        two("times that differ by a part of a second", Right::Whole, |image| {
            unnumbered(image);
            image.set(
                tags::ACQUISITION_TIME,
                VR::TM,
                format!("101530.{}00000", image.phase + 1),
            );
        }),
        two("times of slices", Right::Whole, |image| {
            unnumbered(image);
            image.set(
                tags::CONTENT_TIME,
                VR::TM,
                format!("10{}5{:02}.5", image.phase + 1, image.place),
            );
        }),
        two("acquisition datetimes", Right::Whole, |image| {
            unnumbered(image);
            let minute = 20 + image.phase;
            image.set(
                tags::ACQUISITION_DATE_TIME,
                VR::DT,
                format!("2026010210{minute}00.5+0300"),
            );
        }),
        two("frames of reference", Right::Whole, |image| {
            unnumbered(image);
            image.set(
                tags::FRAME_OF_REFERENCE_UID,
                VR::UI,
                format!("1.2.3.4.{}", image.phase),
            );
        }),
        two("one time on two days", Right::Whole, |image| {
            unnumbered(image);
            image.set(
                tags::ACQUISITION_DATE,
                VR::DA,
                format!("2026010{}", image.phase + 1),
            );
        }),
        two("image types", Right::Whole, |image| {
            unnumbered(image);
            image.set(
                tags::IMAGE_TYPE,
                VR::CS,
                format!("ORIGINAL\\PRIMARY\\AXIAL\\E{}", image.phase),
            );
        }),
        two("positions that jitter", Right::Whole, |image| {
            let jitter = [0.0, 0.004, -0.004][(image.place + image.phase) % 3];
            image.at_height(image.height() + jitter);
        }),
        two("the second pass covers the middle", Right::Whole, |image| {
            if image.phase == 1 && !(6..14).contains(&image.place) {
                image.set(tags::MODALITY, VR::CS, "OT");
            }
        }),
        two(
            "the second pass covers the middle and nothing tells it",
            refused,
            |image| {
                unnumbered(image);
                if image.phase == 1 && !(6..14).contains(&image.place) {
                    image.set(tags::MODALITY, VR::CS, "OT");
                }
            },
        ),
    ]);
}

#[test]
fn copies_are_no_volumes() {
    let bytes = |images: Vec<Image>| images.into_iter().map(Image::bytes).collect::<Vec<_>>();
    let twice = |change: fn(&mut Image)| {
        let mut all = images(1, |_| ());
        for index in 0..PLACES {
            let mut copy = all[index].copy();
            copy.set(tags::SOP_INSTANCE_UID, VR::UI, format!("1.2.9.{index}"));
            copy.number(100 + index);
            change(&mut copy);
            all.push(copy);
        }
        bytes(all)
    };
    check(&[
        Variant::of_files("other instance UIDs", twice(|_| ()), Right::Whole),
        Variant::of_files(
            "another transfer syntax",
            twice(|copy| copy.syntax = uids::JPEGLS_LOSSLESS),
            Right::Whole,
        ),
        Variant::of_files(
            "implicit VR",
            twice(|copy| copy.syntax = uids::IMPLICIT_VR_LITTLE_ENDIAN),
            Right::Whole,
        ),
    ]);
}

/// One enhanced object of these frames, each of a phase and a place; `index` gives each its Dimension Index Values.
fn enhanced(
    frames: &[(usize, usize)],
    name: &str,
    index: impl Fn(usize, usize) -> Option<[u32; 2]>,
) -> Vec<u8> {
    let mut object = InMemDicomObject::new_empty();
    for (tag, vr, text) in [
        (tags::SOP_CLASS_UID, VR::UI, uids::ENHANCED_CT_IMAGE_STORAGE),
        (tags::SOP_INSTANCE_UID, VR::UI, name),
        (tags::STUDY_INSTANCE_UID, VR::UI, STUDY),
        (tags::SERIES_INSTANCE_UID, VR::UI, SERIES),
        (tags::MODALITY, VR::CS, "CT"),
        (tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\VOLUME\\NONE"),
    ] {
        put_text(&mut object, tag, vr, text);
    }
    put_text(
        &mut object,
        tags::NUMBER_OF_FRAMES,
        VR::IS,
        &frames.len().to_string(),
    );
    put_pixel_format(&mut object, false);
    let item = |texts: &[(dicom_core::Tag, VR, String)]| {
        let mut item = InMemDicomObject::new_empty();
        for (tag, vr, text) in texts {
            put_text(&mut item, *tag, *vr, text);
        }
        item
    };
    let per_frame = frames
        .iter()
        .map(|(phase, place)| {
            let mut groups = InMemDicomObject::new_empty();
            let z = *place as f64 * STEP_MM;
            let position = (tags::IMAGE_POSITION_PATIENT, VR::DS, format!("-20\\-30\\{z}"));
            put_sequence(
                &mut groups,
                tags::PLANE_POSITION_SEQUENCE,
                vec![item(&[position])],
            );
            let plane = (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0".into());
            put_sequence(
                &mut groups,
                tags::PLANE_ORIENTATION_SEQUENCE,
                vec![item(&[plane])],
            );
            let spacing = (tags::PIXEL_SPACING, VR::DS, "0.75\\0.75".into());
            put_sequence(&mut groups, tags::PIXEL_MEASURES_SEQUENCE, vec![item(&[spacing])]);
            let rescale = [
                (tags::RESCALE_SLOPE, VR::DS, "1".into()),
                (tags::RESCALE_INTERCEPT, VR::DS, "-1024".into()),
                (tags::RESCALE_TYPE, VR::LO, "HU".into()),
            ];
            put_sequence(
                &mut groups,
                tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
                vec![item(&rescale)],
            );
            if let Some(values) = index(*phase, *place) {
                let mut content = InMemDicomObject::new_empty();
                content.put(dicom_core::DataElement::new(
                    tags::DIMENSION_INDEX_VALUES,
                    VR::UL,
                    dicom_core::PrimitiveValue::U32(values.into_iter().collect()),
                ));
                put_sequence(&mut groups, tags::FRAME_CONTENT_SEQUENCE, vec![content]);
            }
            groups
        })
        .collect();
    put_sequence(&mut object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, per_frame);
    let pixels: Vec<u16> = frames
        .iter()
        .flat_map(|(phase, place)| picture(ROWS, COLUMNS, *phase, *place))
        .collect();
    put_pixels(&mut object, &pixels);
    write_as(object, uids::EXPLICIT_VR_LITTLE_ENDIAN)
}

#[test]
fn points_in_time_in_enhanced_objects_are_told_apart_or_refused() {
    let phase = |phase: usize| (0..PLACES).map(move |place| (phase, place)).collect::<Vec<_>>();
    let by_turns: Vec<(usize, usize)> = (0..2 * PLACES).map(|frame| (frame % 2, frame / 2)).collect();
    let both = [phase(0), phase(1)].concat();
    let split = |from: usize, count: usize| both[from..from + count].to_vec();
    check(&[
        Variant::of_upload(
            "one object, one volume",
            enhanced(&phase(0), "1.2.1", |_, _| None),
            Right::Whole,
        ),
        Variant::of_upload(
            "one object, two points, indices",
            enhanced(&by_turns, "1.2.1", |phase, place| {
                Some([phase as u32 + 1, place as u32 + 1])
            }),
            Right::Whole,
        ),
        Variant::of_upload(
            "one object, two points, indices the other way round",
            enhanced(&both, "1.2.1", |phase, place| {
                Some([place as u32 + 1, phase as u32 + 1])
            }),
            Right::Whole,
        ),
        Variant::of_upload(
            "one object, two points, no indices",
            enhanced(&both, "1.2.1", |_, _| None),
            Right::WholeOr(InconsistentSeries, IN_PLACE),
        ),
        Variant::of_upload(
            "one object, two points by turns, no indices",
            enhanced(&by_turns, "1.2.1", |_, _| None),
            Right::Refused(InconsistentSeries),
        ),
        Variant::of_files(
            "two objects, a point each",
            (0..2)
                .map(|at| enhanced(&phase(at), &format!("1.2.{}", at + 1), |_, _| None))
                .collect(),
            Right::Whole,
        ),
        Variant::of_files(
            "a volume in four objects",
            (0..4)
                .map(|part| enhanced(&split(part * 5, 5), &format!("1.2.{}", part + 1), |_, _| None))
                .collect(),
            Right::Whole,
        ),
    ]);
}
