//! The images of an examination: a body in air with marks that tell phase, place and side.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use super::support::bodies::put;
use super::support::dicom_files::{COLUMNS, ROWS, SERIES, Slice, put_pixels, put_u16, write_file};

pub(crate) const PLACES: usize = 20;
pub(crate) const STEP_MM: f64 = 2.0;
/// Hounsfield units of the body in the first phase, and what each later one has more.
pub(crate) const BODY: i32 = 40;
pub(crate) const PHASE: i32 = 100;
/// Hounsfield units of the mark in the middle, in the lowest place, and what each higher one has more.
pub(crate) const MARK: i32 = 300;
pub(crate) const PLACE: i32 = 20;
/// Hounsfield units of the mark in front on the left, and where it is from the middle: rows, columns.
pub(crate) const SIDE: i32 = 700;
pub(crate) const SIDE_AT: [isize; 2] = [-9, 9];

/// Stored values of a picture, 1024 above Hounsfield units.
pub(crate) fn picture(rows: usize, columns: usize, phase: usize, place: usize) -> Vec<u16> {
    let middle = [rows as isize / 2, columns as isize / 2];
    (0..rows * columns)
        .map(|index| {
            let row = (index / columns) as isize - middle[0];
            let column = (index % columns) as isize - middle[1];
            let is_at = |at: [isize; 2], reach: isize| {
                (row - at[0]).abs() <= reach && (column - at[1]).abs() <= reach
            };
            let noise = ((place * 31 + index * 7) % 9) as i32 - 4;
            let level = if is_at([0, 0], 2) {
                MARK + PLACE * place as i32
            } else if is_at(SIDE_AT, 1) {
                SIDE
            } else if row * row + column * column < 400 {
                BODY + PHASE * phase as i32 + noise
            } else {
                -1000 + noise
            };
            (level + 1024) as u16
        })
        .collect()
}

/// One image before it is written.
pub(crate) struct Image {
    pub(crate) phase: usize,
    pub(crate) place: usize,
    pub(crate) object: InMemDicomObject,
    pub(crate) syntax: &'static str,
}

impl Image {
    fn new(phase: usize, place: usize) -> Self {
        let slice = Slice {
            instance: format!("{SERIES}.{phase}.{place}"),
            z: place as f64 * STEP_MM,
            thickness_mm: STEP_MM,
            pixels: picture(ROWS, COLUMNS, phase, place),
            ..Slice::new(place)
        };
        let mut image = Self {
            phase,
            place,
            object: slice.data_set(),
            syntax: uids::EXPLICIT_VR_LITTLE_ENDIAN,
        };
        for (tag, vr, text) in [
            (tags::STUDY_TIME, VR::TM, "101500"),
            (tags::PATIENT_ID, VR::LO, "P-7"),
            (tags::FRAME_OF_REFERENCE_UID, VR::UI, "1.2.3.4.5"),
            (tags::SERIES_NUMBER, VR::IS, "2"),
            (tags::SERIES_DESCRIPTION, VR::LO, "Chest 2.0"),
            (tags::ACQUISITION_NUMBER, VR::IS, "1"),
        ] {
            image.set(tag, vr, text);
        }
        // Phase after phase, from the head.
        image.set(tags::INSTANCE_NUMBER, VR::IS, (phase + 1) * PLACES - place);
        image
    }

    pub(crate) fn set(&mut self, tag: Tag, vr: VR, text: impl std::fmt::Display) {
        put(&mut self.object, tag, vr, text);
    }

    pub(crate) fn drop(&mut self, tag: Tag) {
        self.object.remove_element(tag);
    }

    pub(crate) fn number(&mut self, number: usize) {
        self.set(tags::INSTANCE_NUMBER, VR::IS, number);
    }

    pub(crate) fn series(&mut self, number: usize) {
        self.set(
            tags::SERIES_INSTANCE_UID,
            VR::UI,
            format!("1.2.77.{}", number + 1),
        );
    }

    /// A number that no other image has.
    pub(crate) fn own(&self) -> usize {
        self.phase * PLACES + self.place
    }

    pub(crate) fn position(&mut self, [x, y, z]: [f64; 3]) {
        self.set(tags::IMAGE_POSITION_PATIENT, VR::DS, format!("{x}\\{y}\\{z}"));
    }

    /// To another height; the phase and place that it shows stay.
    pub(crate) fn at_height(&mut self, z: f64) {
        self.position([-20.0, -30.0, z]);
    }

    pub(crate) fn height(&self) -> f64 {
        self.place as f64 * STEP_MM
    }

    /// The same picture on another matrix.
    pub(crate) fn matrix(&mut self, rows: usize, columns: usize) {
        put_u16(&mut self.object, tags::ROWS, rows as u16);
        put_u16(&mut self.object, tags::COLUMNS, columns as u16);
        put_pixels(&mut self.object, &picture(rows, columns, self.phase, self.place));
    }

    pub(crate) fn stored(&mut self, store: impl Fn(i32) -> i32) {
        let pixels: Vec<u16> = picture(ROWS, COLUMNS, self.phase, self.place)
            .into_iter()
            .map(|value| store(i32::from(value) - 1024) as u16)
            .collect();
        put_pixels(&mut self.object, &pixels);
    }

    pub(crate) fn copy(&self) -> Self {
        Self {
            object: self.object.clone(),
            ..*self
        }
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        write_file(self.object, self.syntax)
    }
}

/// The images of so many phases in the same places, changed by `change`, in no order.
pub(crate) fn images(phases: usize, change: impl Fn(&mut Image)) -> Vec<Image> {
    let mut images: Vec<Image> = (0..phases)
        .flat_map(|phase| (0..PLACES).map(move |place| Image::new(phase, place)))
        .collect();
    images.iter_mut().for_each(change);
    // Steps of 7 reach every number that 7 does not divide.
    let count = images.len();
    let mut slots: Vec<Option<Image>> = images.into_iter().map(Some).collect();
    (0..count)
        .filter_map(|index| slots[index * 7 % count].take())
        .collect()
}

pub(crate) fn files(phases: usize, change: impl Fn(&mut Image)) -> Vec<Vec<u8>> {
    images(phases, change).into_iter().map(Image::bytes).collect()
}
