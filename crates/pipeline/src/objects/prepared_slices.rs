use ndarray::Array3;
use norma_volume::{CropBox, PREPARATION, PreparedSlices};
use serde::{Deserialize, Serialize};

use super::framed::{Kind, ObjectError, decode_body, decode_header, encode};

const KIND: Kind = "NRMSLC01";

#[derive(Serialize, Deserialize)]
struct Header {
    preparation: String,
    /// `(n, rows, columns)` of the pixels and of the lung mask.
    shape: [usize; 3],
    slices: Vec<usize>,
    crops: Vec<CropBox>,
}

/// The bytes of prepared slices: pixels, then lung masks, compressed.
pub fn encode_prepared_slices(prepared: &PreparedSlices) -> Result<Vec<u8>, ObjectError> {
    let (count, rows, columns) = prepared.pixels.dim();
    let header = Header {
        preparation: PREPARATION.to_owned(),
        shape: [count, rows, columns],
        slices: prepared.slices.clone(),
        crops: prepared.crops.clone(),
    };
    check(&header, prepared.lung_mask.dim() == prepared.pixels.dim())?;
    let pixels = prepared.pixels.as_standard_layout();
    let lung_mask = prepared.lung_mask.as_standard_layout();
    let contiguous = "an array in standard layout is contiguous";
    encode(
        KIND,
        &header,
        &[
            pixels.as_slice().expect(contiguous),
            lung_mask.as_slice().expect(contiguous),
        ],
    )
}

/// Reads what [`encode_prepared_slices`] wrote; slices of another preparation are refused.
pub fn decode_prepared_slices(bytes: &[u8]) -> Result<PreparedSlices, ObjectError> {
    let (header, body) = decode_header::<Header>(KIND, bytes)?;
    if header.preparation != PREPARATION {
        return Err(ObjectError::Inconsistent(format!(
            "prepared by {:?}, not by {PREPARATION}",
            header.preparation
        )));
    }
    check(&header, true)?;
    let [count, rows, columns] = header.shape;
    let voxels = count
        .checked_mul(rows)
        .and_then(|product| product.checked_mul(columns));
    let mut pixels = decode_body(body, voxels.and_then(|voxels| voxels.checked_mul(2)))?;
    let lung_mask = pixels.split_off(pixels.len() / 2);
    let array = |values| {
        Array3::from_shape_vec((count, rows, columns), values)
            .map_err(|error| ObjectError::Inconsistent(error.to_string()))
    };
    Ok(PreparedSlices {
        pixels: array(pixels)?,
        lung_mask: array(lung_mask)?,
        slices: header.slices,
        crops: header.crops,
    })
}

fn check(header: &Header, masks_fit: bool) -> Result<(), ObjectError> {
    let [count, ..] = header.shape;
    if masks_fit && header.slices.len() == count && header.crops.len() == count {
        return Ok(());
    }
    Err(ObjectError::Inconsistent(format!(
        "{count} slices with {} indices and {} crops",
        header.slices.len(),
        header.crops.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared() -> PreparedSlices {
        PreparedSlices {
            pixels: Array3::from_shape_fn((3, 16, 16), |(z, y, x)| (z * 50 + y * 3 + x) as u8),
            lung_mask: Array3::from_shape_fn((3, 16, 16), |(_, y, _)| u8::from(y > 7)),
            slices: vec![4, 9, 14],
            crops: vec![
                CropBox {
                    y: -1.5,
                    x: 20.25,
                    side: 300.0,
                };
                3
            ],
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let bytes = encode_prepared_slices(&prepared()).unwrap();
        assert_eq!(decode_prepared_slices(&bytes).unwrap(), prepared());
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        let bytes = encode_prepared_slices(&prepared()).unwrap();
        assert!(matches!(
            decode_prepared_slices(b"NRMMAP01rest"),
            Err(ObjectError::OtherKind { .. })
        ));
        for length in 0..bytes.len() {
            assert!(decode_prepared_slices(&bytes[..length]).is_err(), "{length}");
        }
        let mut lying = bytes.clone();
        lying[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(decode_prepared_slices(&lying).is_err());
        let text = String::from_utf8_lossy(&bytes).replace("[3,16,16]", "[9,99,99]");
        assert!(decode_prepared_slices(text.as_bytes()).is_err());
    }

    #[test]
    fn a_contradiction_is_not_written() {
        let mut wrong = prepared();
        wrong.slices.pop();
        assert!(encode_prepared_slices(&wrong).is_err());
    }
}
