//! Slices of a body in air, and uploads of them.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::uids;
use dicom_object::InMemDicomObject;
use norma_imaging::{ImagingError, Limits, LoadedSeries, list_studies, load_chest_series};

use super::archives::{Upload, numbered, zip_of};
use super::dicom_files::{COLUMNS, ROWS, Slice, put_text, write_file};

const EXPLICIT: &str = uids::EXPLICIT_VR_LITTLE_ENDIAN;
pub(crate) const SLICES: usize = 20;

pub(crate) fn load_objects(objects: Vec<InMemDicomObject>) -> Result<LoadedSeries, ImagingError> {
    load_files(
        objects
            .into_iter()
            .map(|object| write_file(object, EXPLICIT))
            .collect(),
    )
}

pub(crate) fn load_files(files: Vec<Vec<u8>>) -> Result<LoadedSeries, ImagingError> {
    let upload = Upload::file(&zip_of(&numbered(files)));
    let mut studies = list_studies(&upload.path, &Limits::default())?;
    assert_eq!(studies.len(), 1, "one study");
    load_chest_series(&studies.remove(0), &Limits::default())
}

/// A body in air: 40 HU in a circle, −1000 HU around it, a little noise.
pub(crate) fn body(number: usize, more: i16) -> Vec<u16> {
    (0..ROWS * COLUMNS)
        .map(|index| {
            let (y, x) = (index / COLUMNS, index % COLUMNS);
            let (dy, dx) = (y as f64 - 23.5, x as f64 - 31.5);
            let noise = ((number * 31 + y * 17 + x * 7) % 9) as i16;
            let level = if dy * dy + dx * dx < 400.0 {
                40 + more
            } else {
                -1000
            };
            (level + noise + 1024) as u16
        })
        .collect()
}

pub(crate) fn slice(number: usize) -> Slice {
    Slice {
        pixels: body(number, 0),
        ..Slice::new(number)
    }
}

pub(crate) fn put(object: &mut InMemDicomObject, tag: Tag, vr: VR, text: impl std::fmt::Display) {
    put_text(object, tag, vr, &format!("{text}"));
}
