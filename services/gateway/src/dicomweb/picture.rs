//! A frame as a picture (PS3.18 section 8.3.5).

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};
use norma_dicom_instances::PixelDescription;
use norma_domain::WindowLevel;

use crate::dicomweb::window::Window;
use crate::problem::ApiError;

pub(super) const JPEG: &str = "image/jpeg";
pub(super) const PNG: &str = "image/png";

/// How a picture is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) media_type: &'static str,
    /// In the units of the rescaled values.
    pub(super) window: Option<Window>,
    /// Width and height that it has to fit into.
    pub(super) viewport: Option<(u32, u32)>,
    pub(super) quality: u8,
}

/// Draws a frame. `frame`: its number, from 0.
pub(super) fn draw(
    pixels: &PixelDescription,
    bytes: &[u8],
    frame: u64,
    wish: Wish,
) -> Result<Vec<u8>, ApiError> {
    let picture = match (pixels.samples_per_pixel, pixels.bits_allocated, pixels.is_float) {
        (1, 8 | 16, false) => grey(pixels, bytes, frame, wish.window),
        (3, 8, false) if pixels.photometric == "RGB" => colour(pixels, bytes),
        _ => None,
    };
    let mut picture = picture.ok_or(ApiError::NotAcceptable(
        "frames and application/dicom: such pixels are not drawn here",
    ))?;
    if let Some((width, height)) = wish.viewport
        && (picture.width() > width || picture.height() > height)
    {
        picture = picture.thumbnail(width.max(1), height.max(1));
    }
    let mut encoded = Vec::new();
    if wish.media_type == PNG {
        picture
            .write_to(&mut Cursor::new(&mut encoded), ImageFormat::Png)
            .map_err(ApiError::internal)?;
    } else {
        let encoder = JpegEncoder::new_with_quality(&mut encoded, wish.quality);
        picture.write_with_encoder(encoder).map_err(ApiError::internal)?;
    }
    Ok(encoded)
}

fn grey(pixels: &PixelDescription, bytes: &[u8], frame: u64, window: Option<Window>) -> Option<DynamicImage> {
    let [slope, intercept] = usize::try_from(frame)
        .ok()
        .and_then(|frame| pixels.rescale.get(frame).or(pixels.rescale.first()))
        .copied()
        .unwrap_or([1.0, 0.0]);
    let bits = u32::from(pixels.bits_stored).clamp(1, 16);
    let shift = u32::from(pixels.high_bit + 1).saturating_sub(bits).min(15);
    let value = |raw: u16| {
        let raw = (raw >> shift) & (u16::MAX >> (16 - bits));
        let stored = if pixels.is_signed {
            f64::from((raw << (16 - bits)).cast_signed() >> (16 - bits))
        } else {
            f64::from(raw)
        };
        stored * slope + intercept
    };
    let values: Vec<f64> = if pixels.bits_allocated == 8 {
        bytes.iter().map(|byte| value(u16::from(*byte))).collect()
    } else {
        bytes
            .as_chunks::<2>()
            .0
            .iter()
            .map(|raw| value(u16::from_le_bytes(*raw)))
            .collect()
    };
    let named = pixels
        .window
        .and_then(|[center, width]| WindowLevel::new(center, width).ok())
        .or_else(|| whole_range(&values));
    let window = window.or(named.map(Window::Linear))?;
    let is_inverted = pixels.photometric == "MONOCHROME1";
    let grey = values
        .iter()
        .map(|value| {
            let grey = window.grey(*value);
            if is_inverted { 255 - grey } else { grey }
        })
        .collect();
    GrayImage::from_raw(pixels.columns.into(), pixels.rows.into(), grey).map(DynamicImage::ImageLuma8)
}

fn whole_range(values: &[f64]) -> Option<WindowLevel> {
    let lowest = values.iter().copied().reduce(f64::min)?;
    let highest = values.iter().copied().reduce(f64::max)?;
    WindowLevel::new(f64::midpoint(lowest, highest), (highest - lowest).max(1.0)).ok()
}

fn colour(pixels: &PixelDescription, bytes: &[u8]) -> Option<DynamicImage> {
    let samples = if pixels.is_planar {
        let plane = bytes.len() / 3;
        (0..plane)
            .flat_map(|at| [bytes[at], bytes[plane + at], bytes[2 * plane + at]])
            .collect()
    } else {
        bytes.to_vec()
    };
    RgbImage::from_raw(pixels.columns.into(), pixels.rows.into(), samples).map(DynamicImage::ImageRgb8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_windowed_in_their_units() {
        let pixels = PixelDescription {
            rows: 1,
            columns: 3,
            samples_per_pixel: 1,
            bits_allocated: 16,
            bits_stored: 12,
            high_bit: 11,
            is_signed: false,
            is_float: false,
            photometric: "MONOCHROME2".to_owned(),
            is_planar: false,
            frames: 1,
            frame_bytes: 6,
            native: None,
            rescale: vec![[1.0, -1024.0]],
            window: None,
        };
        let bytes: Vec<u8> = [24_u16, 1064, 1324]
            .iter()
            .flat_map(|raw| raw.to_le_bytes())
            .collect();
        let wish = Wish {
            media_type: PNG,
            window: Some(Window::Linear(WindowLevel::MEDIASTINUM)),
            viewport: None,
            quality: 90,
        };
        let drawn = draw(&pixels, &bytes, 0, wish).unwrap();
        let drawn = image::load_from_memory(&drawn).unwrap().into_luma8();
        assert_eq!(drawn.as_raw(), &[0, 128, 255]);
        let colour = PixelDescription {
            samples_per_pixel: 3,
            bits_allocated: 8,
            photometric: "YBR_FULL".to_owned(),
            ..pixels
        };
        assert!(matches!(
            draw(&colour, &[0; 9], 0, wish),
            Err(ApiError::NotAcceptable(_))
        ));
    }
}
