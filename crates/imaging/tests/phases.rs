//! Several volumes in one series: one is read whole, or none.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

mod support;

use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use norma_domain::ReasonCode;
use norma_imaging::{ImagingError, LoadedSeries};

use support::bodies::{SLICES, body, load_objects, put, slice};
use support::dicom_files::Slice;

/// Hounsfield units that the second phase has more.
const SECOND: i16 = 300;

/// Two phases in the same places, moved by `jitter_mm` up and down by turns; `mark` says what tells them apart.
fn phases(jitter_mm: f64, mark: impl Fn(&mut InMemDicomObject, usize, usize)) -> Vec<InMemDicomObject> {
    let mut objects = Vec::new();
    for number in 0..SLICES {
        for phase in 0..2 {
            let mut slice = slice(number);
            slice.pixels = body(number, SECOND * phase as i16);
            slice.instance = format!("{}.{}", slice.instance, phase + 1);
            if phase == 1 {
                slice.z += if number % 2 == 0 { jitter_mm } else { -jitter_mm };
            }
            let mut object = slice.data_set();
            mark(&mut object, number, phase);
            // Neither phase comes first throughout.
            let at = if (number + phase) % 3 == 0 {
                objects.len()
            } else {
                objects.len() / 2
            };
            objects.insert(at, object);
        }
    }
    objects
}

/// The level of the body in each slice of the volume, without noise.
fn levels(series: &LoadedSeries) -> Vec<i16> {
    let volume = &series.volume.hounsfield;
    volume
        .outer_iter()
        .map(|slice| (slice[[24, 32]] - 40) / 100 * 100)
        .collect()
}

fn assert_one_phase(series: Result<LoadedSeries, ImagingError>, what: &str) {
    let series = series.unwrap_or_else(|error| panic!("{what}: {error}"));
    let levels = levels(&series);
    assert_eq!(levels.len(), SLICES, "{what}");
    assert!(
        levels.windows(2).all(|pair| pair[0] == pair[1]),
        "{what}: {levels:?}"
    );
}

type Mark = fn(&mut InMemDicomObject, usize, usize);

fn instance_number(object: &mut InMemDicomObject, number: usize, phase: usize) {
    put(object, tags::INSTANCE_NUMBER, VR::IS, phase * SLICES + number + 1);
}

const MARKS: [(&str, Mark); 9] = [
    ("acquisition number", |object, _, phase| {
        put(object, tags::ACQUISITION_NUMBER, VR::IS, phase + 3);
    }),
    ("acquisition time alone", |object, _, phase| {
        put(object, tags::ACQUISITION_NUMBER, VR::IS, 1);
        put(
            object,
            tags::ACQUISITION_TIME,
            VR::TM,
            format!("10{}500", phase + 1),
        );
    }),
    ("times of each slice", |object, number, phase| {
        put(
            object,
            tags::ACQUISITION_TIME,
            VR::TM,
            format!("10{}5{number:02}", phase + 1),
        );
    }),
    ("instance number alone", instance_number),
    ("instance numbers that run back", |object, number, phase| {
        let at = if phase == 0 { number } else { 2 * SLICES - number };
        put(object, tags::INSTANCE_NUMBER, VR::IS, at + 1);
    }),
    (
        "acquisition number of every other slice",
        |object, number, phase| {
            put(object, tags::ACQUISITION_NUMBER, VR::IS, number % 2 + 1);
            instance_number(object, number, phase);
        },
    ),
    ("temporal position", |object, _, phase| {
        put(object, tags::TEMPORAL_POSITION_IDENTIFIER, VR::IS, phase + 1);
    }),
    ("energy", |object, _, phase| {
        put(object, tags::KVP, VR::DS, 80 + 60 * phase);
    }),
    ("series number", |object, _, phase| {
        put(object, tags::SERIES_NUMBER, VR::IS, 2 + phase);
    }),
];

#[test]
fn of_two_phases_one_is_read_whole() {
    for (what, mark) in MARKS {
        for jitter in [0.0, 0.004, 0.05] {
            assert_one_phase(
                load_objects(phases(jitter, mark)),
                &format!("{what}, {jitter} mm"),
            );
        }
    }
}

#[test]
fn phases_that_lie_between_each_other_are_told_apart_too() {
    for (what, mark) in MARKS {
        // Half a distance: even without a shared place.
        let result = load_objects(
            phases(0.0, mark)
                .into_iter()
                .map(|mut object| {
                    let uid = object
                        .element(tags::SOP_INSTANCE_UID)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .into_owned();
                    if uid.ends_with(".2") {
                        let position = object
                            .element(tags::IMAGE_POSITION_PATIENT)
                            .unwrap()
                            .to_multi_str()
                            .unwrap()
                            .to_vec();
                        let z: f64 = position[2].parse().unwrap();
                        let moved = format!("{}\\{}\\{}", position[0], position[1], z + 1.0);
                        put(&mut object, tags::IMAGE_POSITION_PATIENT, VR::DS, moved);
                    }
                    object
                })
                .collect(),
        );
        match result {
            Ok(series) => assert_one_phase(Ok(series), what),
            Err(error) => assert_eq!(
                error.reason().code,
                ReasonCode::InconsistentSeries,
                "{what}: {error}"
            ),
        }
    }
}

#[test]
fn phases_that_nothing_tells_apart_are_refused() {
    let cases: [(&str, Mark); 3] = [
        ("nothing", |_, _, _| ()),
        ("the same number throughout", |object, _, _| {
            put(object, tags::ACQUISITION_NUMBER, VR::IS, 1);
        }),
        ("marks that contradict each other", |object, number, phase| {
            put(object, tags::ACQUISITION_NUMBER, VR::IS, (number + phase) % 2);
            put(
                object,
                tags::ACQUISITION_TIME,
                VR::TM,
                format!("10{}500", phase + 1),
            );
        }),
    ];
    for (what, mark) in cases {
        for jitter in [0.0, 0.004] {
            let error = load_objects(phases(jitter, mark)).unwrap_err();
            assert_eq!(
                error.reason().code,
                ReasonCode::InconsistentSeries,
                "{what}: {error}"
            );
        }
    }
    // Between each other and nothing to tell them by: the pictures alternate.
    let error = load_objects(
        (0..2 * SLICES)
            .map(|number| {
                let mut slice = slice(number);
                slice.pixels = body(number, SECOND * (number % 2) as i16);
                slice.data_set()
            })
            .collect(),
    )
    .unwrap_err();
    assert_eq!(error.reason().code, ReasonCode::InconsistentSeries);
}

#[test]
fn one_position_in_every_slice_is_refused_by_that_name() {
    let objects = (0..SLICES).map(|number| {
        Slice {
            z: 0.0,
            ..slice(number)
        }
        .data_set()
    });
    let error = load_objects(objects.collect()).unwrap_err();
    assert_eq!(error.reason().code, ReasonCode::InconsistentSeries);
    assert!(error.to_string().contains("one and the same position"), "{error}");
}
