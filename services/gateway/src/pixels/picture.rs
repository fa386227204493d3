//! Pictures of slices and maps, made when they are asked for.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::error::{ParameterError, ParameterErrorKind};
use image::{ExtendedColorType, ImageEncoder, ImageError};
use norma_domain::WindowLevel;

use crate::pixels::colour_scale::INFERNO;

/// A grey 8-bit PNG of one slice. `hounsfield_le` holds `rows` × `columns` int16, little endian, row by row.
pub fn slice_png(
    hounsfield_le: &[u8],
    rows: u32,
    columns: u32,
    window: WindowLevel,
) -> Result<Vec<u8>, ImageError> {
    let grey: Vec<u8> = hounsfield_le
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| window.grey(f64::from(i16::from_le_bytes(*pair))))
        .collect();
    encode(&grey, rows, columns, ExtendedColorType::L8)
}

/// A coloured PNG of one map of `rows` × `columns` bytes, to be laid over the slice: the colour goes from violet
/// by red to yellow, and the opacity grows with the value; weak values are not seen.
pub fn heatmap_png(map: &[u8], rows: u32, columns: u32) -> Result<Vec<u8>, ImageError> {
    let rgba: Vec<u8> = map.iter().flat_map(|value| INFERNO.colour(*value)).collect();
    encode(&rgba, rows, columns, ExtendedColorType::Rgba8)
}

fn encode(pixels: &[u8], rows: u32, columns: u32, colour: ExtendedColorType) -> Result<Vec<u8>, ImageError> {
    let expected = u64::from(rows) * u64::from(columns) * u64::from(colour.channel_count());
    if pixels.len() as u64 != expected {
        return Err(ImageError::Parameter(ParameterError::from_kind(
            ParameterErrorKind::DimensionMismatch,
        )));
    }
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive)
        .write_image(pixels, columns, rows, colour)?;
    Ok(png)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_windowed() {
        let slice: Vec<u8> = [-1000_i16, 40, 300, -1000, 40, 300]
            .iter()
            .flat_map(|hounsfield| hounsfield.to_le_bytes())
            .collect();
        let png = slice_png(&slice, 2, 3, WindowLevel::MEDIASTINUM).unwrap();
        let picture = image::load_from_memory(&png).unwrap().into_luma8();
        assert_eq!(picture.dimensions(), (3, 2));
        assert_eq!(picture.as_raw(), &[0, 128, 255, 0, 128, 255]);
    }

    #[test]
    fn a_map_is_transparent_where_there_is_nothing() {
        let png = heatmap_png(&[0, 200, 255], 1, 3).unwrap();
        let picture = image::load_from_memory(&png).unwrap().into_rgba8();
        assert_eq!(picture.get_pixel(0, 0).0[3], 0);
        assert_eq!(picture.get_pixel(1, 0).0[3], 255);
        assert_eq!(picture.get_pixel(2, 0).0, [252, 255, 164, 255]);
    }

    #[test]
    fn a_slice_of_the_wrong_length_is_an_error() {
        assert!(slice_png(&[0; 4], 2, 3, WindowLevel::LUNG).is_err());
    }
}
