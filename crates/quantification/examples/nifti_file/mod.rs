//! Volumes as NIfTI, as `models/training` reads them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use ndarray::Array3;
use norma_domain::SpacingMm;

/// NIfTI-1, int16, axes to the patient's left, back and head (so the affine turns the first two round: NIfTI counts to
/// the right and to the front); the place of the first voxel is left at 0.
pub(crate) fn write(path: &Path, values: &Array3<i16>, spacing_mm: SpacingMm) -> std::io::Result<()> {
    let (slices, rows, columns) = values.dim();
    let [z, y, x] = spacing_mm.zyx().map(|length| length as f32);
    let mut header = [0_u8; 352];
    let mut put = |offset: usize, bytes: &[u8]| header[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(0, &348_i32.to_le_bytes());
    for (index, length) in [3, columns, rows, slices, 1, 1, 1, 1].into_iter().enumerate() {
        let length = i16::try_from(length).map_err(std::io::Error::other)?;
        put(40 + 2 * index, &length.to_le_bytes());
    }
    put(70, &4_i16.to_le_bytes());
    put(72, &16_i16.to_le_bytes());
    for (index, length) in [1.0, x, y, z].into_iter().enumerate() {
        put(76 + 4 * index, &f32::to_le_bytes(length));
    }
    put(108, &352_f32.to_le_bytes());
    put(112, &1_f32.to_le_bytes());
    // Millimetres.
    put(123, &[2]);
    put(254, &1_i16.to_le_bytes());
    for (offset, value) in [(280, -x), (300, -y), (320, z)] {
        put(offset, &value.to_le_bytes());
    }
    put(344, b"n+1\0");
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&header)?;
    for value in values {
        file.write_all(&value.to_le_bytes())?;
    }
    file.flush()
}
