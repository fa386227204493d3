//! Matrices, spacings, orientations, positions and rescales that differ within a series.

use dicom_core::VR;
use dicom_dictionary_std::tags;
use norma_domain::ReasonCode::{InconsistentSeries, NoChestSeries, NotAxial};

use super::images::{Image, PLACES, files, images, picture};
use super::right::{IN_PLACE, Right, Variant, check};
use super::support::dicom_files::{COLUMNS, ROWS, put_pixels, put_u16};

fn one(name: &str, right: Right, change: impl Fn(&mut Image)) -> Variant {
    Variant::of_files(name, files(1, change), right)
}

#[test]
fn slices_of_one_series_on_several_grids_are_no_volume() {
    let refused = Right::Refused(InconsistentSeries);
    let spacing = |image: &mut Image, millimetres: f64| {
        image.set(
            tags::PIXEL_SPACING,
            VR::DS,
            format!("{millimetres}\\{millimetres}"),
        );
    };
    check(&[
        one("the matrix of every other slice", refused, |image| {
            if image.place % 2 == 1 {
                image.matrix(64, 64);
            }
        }),
        one("the matrix of the upper half", refused, |image| {
            if image.place >= PLACES / 2 {
                image.matrix(64, 64);
            }
        }),
        one("the matrix of the uppermost slice", Right::Flagged, |image| {
            if image.place == PLACES - 1 {
                image.matrix(64, 64);
            }
        }),
        one("the matrix of a slice in the middle", Right::Flagged, |image| {
            if image.place == 9 {
                image.matrix(64, 64);
            }
        }),
        one("a pixel spacing per slice", refused, |image| {
            spacing(image, 0.7 + 0.01 * image.place as f64);
        }),
        one("the pixel spacing of every other slice", refused, |image| {
            spacing(image, [0.75, 0.8][image.place % 2]);
        }),
        one("pixel spacings rounded otherwise", Right::Whole, |image| {
            spacing(image, [0.75, 0.7502, 0.7499][image.place % 3]);
        }),
        one("an orientation per slice", refused, |image| {
            let (sin, cos) = (0.03 * image.place as f64).sin_cos();
            image.set(
                tags::IMAGE_ORIENTATION_PATIENT,
                VR::DS,
                format!("1\\0\\0\\0\\{cos:.6}\\{sin:.6}"),
            );
        }),
        one("orientations rounded otherwise", Right::Whole, |image| {
            let tilt = ["0", "0.0002", "-0.0001"][image.place % 3];
            image.set(
                tags::IMAGE_ORIENTATION_PATIENT,
                VR::DS,
                format!("1\\{tilt}\\0\\0\\1\\{tilt}"),
            );
        }),
        one("no position in two slices", Right::Flagged, |image| {
            if image.place > PLACES - 3 {
                image.drop(tags::IMAGE_POSITION_PATIENT);
            }
        }),
        one("no pixel spacing in two slices", Right::Flagged, |image| {
            if image.place < 2 {
                image.drop(tags::PIXEL_SPACING);
            }
        }),
        one("no position at all", Right::Refused(NoChestSeries), |image| {
            image.drop(tags::IMAGE_POSITION_PATIENT);
        }),
    ]);
}

#[test]
fn slices_aside_of_each_other_are_no_volume() {
    let refused = Right::Refused(InconsistentSeries);
    check(&[
        one("another field of view in the upper half", refused, |image| {
            if image.place >= PLACES / 2 {
                image.position([10.0, -30.0, image.height()]);
            }
        }),
        one("one slice aside", refused, |image| {
            if image.place == 7 {
                image.position([-20.0, -12.0, image.height()]);
            }
        }),
        one("positions that jitter in the plane", Right::Whole, |image| {
            let jitter = 0.02 * (image.place % 3) as f64;
            image.position([-20.0 + jitter, -30.0 - jitter, image.height()]);
        }),
        one("positions that jitter along the stack", Right::Whole, |image| {
            image.at_height(image.height() + 0.03 * (image.place % 3) as f64);
        }),
        one("a table that rises", Right::Whole, |image| {
            image.position([-20.0, -30.0 + 0.4 * image.height(), image.height()]);
        }),
        one("one position in all", refused, |image| image.at_height(0.0)),
    ]);
}

#[test]
fn values_come_out_however_they_are_stored() {
    check(&[
        one("an intercept per slice", Right::Whole, |image| {
            let intercept = -1000 - 2 * image.place as i32;
            image.set(tags::RESCALE_INTERCEPT, VR::DS, intercept);
            image.stored(|hounsfield| (hounsfield - intercept).max(0));
        }),
        one("two slopes", Right::Whole, |image| {
            let slope = [1, 2][image.place % 2];
            image.set(tags::RESCALE_SLOPE, VR::DS, slope);
            image.stored(|hounsfield| (hounsfield + 1024) / slope);
        }),
        one("signed in some", Right::Whole, |image| {
            if image.place % 2 == 0 {
                put_u16(&mut image.object, tags::PIXEL_REPRESENTATION, 1);
                put_u16(&mut image.object, tags::BITS_STORED, 16);
                put_u16(&mut image.object, tags::HIGH_BIT, 15);
                image.set(tags::RESCALE_INTERCEPT, VR::DS, 0);
                image.stored(|hounsfield| hounsfield);
            }
        }),
        one("a slope that is no whole number", Right::Whole, |image| {
            image.set(tags::RESCALE_SLOPE, VR::DS, "0.5");
            image.stored(|hounsfield| 2 * (hounsfield + 1024));
            put_u16(&mut image.object, tags::BITS_STORED, 16);
            put_u16(&mut image.object, tags::HIGH_BIT, 15);
        }),
    ]);
}

#[test]
fn however_the_patient_lies_the_sides_are_his() {
    let turned = |row: [i32; 3], column: [i32; 3]| {
        images(1, |image| {
            // The stored picture of a patient whose left and back are where row and column say.
            let upright = picture(ROWS, COLUMNS, image.phase, image.place);
            let transposed = row[0] == 0;
            let (rows, columns) = if transposed {
                (COLUMNS, ROWS)
            } else {
                (ROWS, COLUMNS)
            };
            let sign = |axis: usize| row[axis] + column[axis];
            let mut pixels = Vec::with_capacity(rows * columns);
            for r in 0..rows {
                for c in 0..columns {
                    let (mut y, mut x) = if transposed { (c, r) } else { (r, c) };
                    if sign(0) < 0 {
                        x = COLUMNS - 1 - x;
                    }
                    if sign(1) < 0 {
                        y = ROWS - 1 - y;
                    }
                    pixels.push(upright[y * COLUMNS + x]);
                }
            }
            put_pixels(&mut image.object, &pixels);
            put_u16(&mut image.object, tags::ROWS, rows as u16);
            put_u16(&mut image.object, tags::COLUMNS, columns as u16);
            let corner = |axis: usize, low: f64, count: usize| {
                if sign(axis) < 0 {
                    low + 0.75 * (count - 1) as f64
                } else {
                    low
                }
            };
            let at = [corner(0, -20.0, COLUMNS), corner(1, -30.0, ROWS), image.height()];
            image.position(at);
            let text: Vec<String> = row.iter().chain(&column).map(ToString::to_string).collect();
            image.set(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, text.join("\\"));
        })
        .into_iter()
        .map(Image::bytes)
        .collect::<Vec<_>>()
    };
    let mut variants = Vec::new();
    for a in [-1, 1] {
        for b in [-1, 1] {
            for (row, column) in [([a, 0, 0], [0, b, 0]), ([0, a, 0], [b, 0, 0])] {
                let name = format!("rows {row:?}, columns {column:?}");
                variants.push(Variant::of_files(&name, turned(row, column), Right::Whole));
            }
        }
    }
    variants.push(one("a tilted gantry", Right::Whole, |image| {
        let (sin, cos) = 12f64.to_radians().sin_cos();
        image.set(
            tags::IMAGE_ORIENTATION_PATIENT,
            VR::DS,
            format!("1\\0\\0\\0\\{cos:.6}\\{sin:.6}"),
        );
    }));
    variants.push(one("coronal", Right::Refused(NotAxial), |image| {
        image.set(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\0\\-1");
    }));
    variants.push(one("a slice location that lies", Right::Whole, |image| {
        image.set(tags::SLICE_LOCATION, VR::DS, -image.height());
    }));
    variants.push(one(
        "a thickness that lies",
        Right::WholeOr(InconsistentSeries, IN_PLACE),
        |image| {
            image.set(tags::SLICE_THICKNESS, VR::DS, 10);
            image.set(tags::SPACING_BETWEEN_SLICES, VR::DS, 10);
        },
    ));
    check(&variants);
}
