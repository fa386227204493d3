//! First frames of the robustness files against what pydicom with pylibjpeg makes of them; the reference is
//! written by tests/reference/decode_reference.py.

use std::path::Path;

use norma_test_support::robustness_files;

use crate::blob::Blob;
use crate::codec::{Samples, check_pixel_format, is_supported};
use crate::decode::decode_stored;
use crate::dicom_header::read_dicom_header;
use crate::error::ImagingError;
use crate::limits::{Limits, Spent};
use crate::study::Instance;

const REFERENCE: &str = include_str!("../tests/reference/decoded.csv");
/// Transfer syntaxes that lose nothing: every value must be the same.
const LOSSY: [&str; 5] = [
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.203",
];

fn first_frame(path: &Path) -> Result<Vec<i32>, ImagingError> {
    let limits = Limits::default();
    let blob = Blob::path(path.to_owned(), std::fs::metadata(path)?.len());
    let header =
        read_dicom_header(&blob, &limits, &Spent::of(blob.size()))?.ok_or(ImagingError::EmptyUpload)?;
    let format = header.format.clone().ok_or(ImagingError::EmptyUpload)?;
    check_pixel_format(&format, &header).map_err(ImagingError::UnsupportedPixelFormat)?;
    assert!(is_supported(&header.transfer_syntax));
    let instance = Instance {
        header: Box::new(header),
        blob,
    };
    let samples: Samples = decode_stored(&instance, 0, &limits)?;
    let stored = samples.stored(format.is_signed);
    Ok(samples.values.iter().map(|raw| stored(*raw)).collect())
}

#[test]
fn first_frames_are_those_of_the_python_decoders() {
    let Some(folder) = robustness_files() else { return };
    let mut compared = 0;
    let mut failures = Vec::new();
    for line in REFERENCE.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [file, syntax, rows, columns, sum, least, most, grid] = fields[..] else {
            panic!("{line}")
        };
        let (rows, columns): (usize, usize) = (rows.parse().unwrap(), columns.parse().unwrap());
        let pixels = match first_frame(&folder.path().join("robustness").join(file)) {
            Ok(pixels) => pixels,
            Err(error) => {
                failures.push(format!("{file}: {error}"));
                continue;
            }
        };
        compared += 1;
        let is_lossy = LOSSY.contains(&syntax);
        let tolerance = i32::from(is_lossy);
        let got_sum: i64 = pixels.iter().map(|value| i64::from(*value)).sum();
        let sum_tolerance = if is_lossy { rows * columns / 20 } else { 0 } as u64;
        let near = |a: i32, b: &str| a.abs_diff(b.parse().unwrap()) <= tolerance.unsigned_abs();
        let samples: Vec<i32> = [1, 2, 3]
            .iter()
            .flat_map(|down| [1, 2, 3].map(|across| pixels[rows * down / 4 * columns + columns * across / 4]))
            .collect();
        let same = pixels.len() == rows * columns
            && got_sum.abs_diff(sum.parse().unwrap()) <= sum_tolerance
            && near(*pixels.iter().min().unwrap(), least)
            && near(*pixels.iter().max().unwrap(), most)
            && samples
                .iter()
                .zip(grid.split(' '))
                .all(|(got, expected)| near(*got, expected));
        if !same {
            failures.push(format!(
                "{file}: sum {got_sum} for {sum}, samples {samples:?} for {grid}"
            ));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(compared, 99);
}
