//! NumPy's npy files of two dimensions, float16 or float32, little-endian, in C order
//! (format: numpy.lib.format, versions 1 and 2).

use half::f16;
use ndarray::{Array2, ArrayRef2};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads a matrix; the error says what does not fit.
pub(crate) fn read_matrix(bytes: &[u8]) -> Result<Array2<f32>, String> {
    let too_short = || "the file ends within its header".to_owned();
    if !bytes.starts_with(MAGIC) {
        return Err("the file is no npy file".to_owned());
    }
    let version = *bytes.get(6).ok_or_else(too_short)?;
    let (length, start) = match version {
        1 => {
            let field = bytes.get(8..10).ok_or_else(too_short)?;
            (usize::from(u16::from_le_bytes([field[0], field[1]])), 10)
        }
        2 => {
            let field = bytes.get(8..12).ok_or_else(too_short)?;
            (
                u32::from_le_bytes([field[0], field[1], field[2], field[3]]) as usize,
                12,
            )
        }
        other => return Err(format!("npy version {other} is not read")),
    };
    let end = start + length;
    let header = bytes.get(start..end).ok_or_else(too_short)?;
    let header = std::str::from_utf8(header).map_err(|_| "the header is no text".to_owned())?;
    if !header.contains("'fortran_order': False") {
        return Err("the matrix is not in C order".to_owned());
    }
    let (rows, columns) = shape(header).ok_or_else(|| "the shape is not (m, c)".to_owned())?;
    let count = rows
        .checked_mul(columns)
        .ok_or_else(|| format!("a shape of ({rows}, {columns}) is too large"))?;
    let body = &bytes[end..];
    let values: Vec<f32> = if header.contains("'<f2'") {
        body.chunks_exact(2)
            .map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32())
            .collect()
    } else if header.contains("'<f4'") {
        body.chunks_exact(4)
            .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect()
    } else {
        return Err("the values are neither float16 nor float32, little-endian".to_owned());
    };
    if values.len() != count {
        return Err(format!(
            "{} values for a shape of ({rows}, {columns})",
            values.len()
        ));
    }
    Array2::from_shape_vec((rows, columns), values).map_err(|error| error.to_string())
}

fn shape(header: &str) -> Option<(usize, usize)> {
    let (_, after) = header.split_once("'shape': (")?;
    let (inside, _) = after.split_once(')')?;
    let mut sizes = inside.split(',').map(str::trim).filter(|text| !text.is_empty());
    let rows = sizes.next()?.parse().ok()?;
    let columns = sizes.next()?.parse().ok()?;
    sizes.next().is_none().then_some((rows, columns))
}

/// Writes a matrix as float16; values beyond its range become infinite and are refused on reading.
pub(crate) fn write_matrix_f16(matrix: &ArrayRef2<f32>) -> Vec<u8> {
    let (rows, columns) = matrix.dim();
    let mut header = format!("{{'descr': '<f2', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // Magic, version and length take 10 bytes; the whole is a multiple of 64 and ends with a newline.
    let padding = 64 - (10 + header.len() + 1) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    for value in matrix {
        bytes.extend(f16::from_f32(*value).to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let matrix = array![[0.5_f32, -1.25, 3.0], [1024.0, 0.0, -0.125]];
        let bytes = write_matrix_f16(&matrix);
        assert_eq!(read_matrix(&bytes).unwrap(), matrix);
    }

    #[test]
    fn damage_is_named() {
        let bytes = write_matrix_f16(&array![[1.0_f32, 2.0]]);
        for (damaged, word) in [
            (Vec::new(), "no npy"),
            (bytes[..7].to_vec(), "within its header"),
            (bytes[..bytes.len() - 1].to_vec(), "values for a shape"),
            (bytes[..40].to_vec(), "within its header"),
        ] {
            let message = read_matrix(&damaged).unwrap_err();
            assert!(message.contains(word), "{message}");
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(text.contains("(1, 2)"));
    }
}
