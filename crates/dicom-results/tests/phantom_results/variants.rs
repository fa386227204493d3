//! Studies that lie otherwise than the phantom does.

use std::path::Path;

use dicom_core::value::PrimitiveValue;
use dicom_core::{DataElement, VR};
use dicom_dictionary_std::tags;
use dicom_object::{InMemDicomObject, open_file};
use norma_phantom::{PhantomOptions, write_phantom_series};

use crate::support::{Study, read, study};

/// Pixels are twice as high as wide; the volume has square ones.
pub(crate) fn not_square() -> Study {
    // Every second row is left out.
    rewritten(&PhantomOptions::small(), |object| {
        let side = object.get(tags::COLUMNS).unwrap().to_int::<usize>().unwrap();
        let all = pixels(object);
        let kept = all.chunks(side).step_by(2).flatten().copied().collect();
        put_pixels(object, side / 2, side, kept);
        let [row, column] = decimals(object, tags::PIXEL_SPACING)[..] else {
            panic!("two distances")
        };
        put_decimals(object, tags::PIXEL_SPACING, &[2.0 * row, column]);
    })
}

/// Columns and rows run the other way.
pub(crate) fn feet_first() -> Study {
    // Feet first, face down: rows run to the patient's right, columns to the front.
    rewritten(&PhantomOptions::small(), |object| {
        let side = object.get(tags::COLUMNS).unwrap().to_int::<usize>().unwrap();
        let turned = pixels(object).into_iter().rev().collect();
        put_pixels(object, side, side, turned);
        let spacing = decimals(object, tags::PIXEL_SPACING)[0];
        let mut position = decimals(object, tags::IMAGE_POSITION_PATIENT);
        for axis in &mut position[..2] {
            *axis += spacing * (side - 1) as f64;
        }
        put_decimals(object, tags::IMAGE_POSITION_PATIENT, &position);
        put_decimals(
            object,
            tags::IMAGE_ORIENTATION_PATIENT,
            &[-1.0, 0.0, 0.0, 0.0, -1.0, 0.0],
        );
        object.put(DataElement::new(
            tags::PATIENT_POSITION,
            VR::CS,
            PrimitiveValue::from("FFP"),
        ));
    })
}

pub(crate) fn tilted() -> Study {
    study(&PhantomOptions {
        tilt_degrees: 12.0,
        ..PhantomOptions::small()
    })
}

/// Rewrites the files of a series.
fn rewritten(options: &PhantomOptions, change: impl Fn(&mut InMemDicomObject)) -> Study {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("series");
    write_phantom_series(options, &out).unwrap();
    for file in std::fs::read_dir(&out).unwrap() {
        let path = file.unwrap().path();
        let mut object = open_file(&path).unwrap();
        change(&mut object);
        object.write_to_file(&path).unwrap();
    }
    read(Path::new(&out))
}

fn put_decimals(object: &mut InMemDicomObject, tag: dicom_core::Tag, numbers: &[f64]) {
    let numbers: Vec<String> = numbers.iter().map(|number| format!("{number}")).collect();
    object.put(DataElement::new(
        tag,
        VR::DS,
        PrimitiveValue::from(numbers.join("\\")),
    ));
}

pub(crate) fn decimals(object: &InMemDicomObject, tag: dicom_core::Tag) -> Vec<f64> {
    object.get(tag).unwrap().to_multi_float64().unwrap()
}

/// Pixels of a slice, row by row.
fn pixels(object: &InMemDicomObject) -> Vec<u16> {
    object.get(tags::PIXEL_DATA).unwrap().to_multi_int().unwrap()
}

fn put_pixels(object: &mut InMemDicomObject, rows: usize, columns: usize, pixels: Vec<u16>) {
    let side =
        |tag, side: usize| DataElement::new(tag, VR::US, PrimitiveValue::from(u16::try_from(side).unwrap()));
    object.put(side(tags::ROWS, rows));
    object.put(side(tags::COLUMNS, columns));
    let values = PrimitiveValue::U16(pixels.into_iter().collect());
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, values));
}
