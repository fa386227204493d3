//! What images claim to be, held against the bytes behind them before anything is decoded: an empty codestream of a few
//! bytes may say any number of rows and columns.

use crate::dicom_header::{InstanceHeader, PixelFormat};
use crate::error::{ImagingError, LimitKind};
use crate::limits::{Limits, check_ratio, within};
use crate::study::Instance;

/// No scan compresses to fewer bytes: its noise alone takes a bit for each voxel.
const VOXELS_PER_BYTE: u64 = 1000;
/// What may be decoded without a look at the bytes behind it.
const UNCHECKED_VOXELS: u64 = 32 << 20;

/// What several images claim together.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Claim {
    voxels: u64,
    /// Bytes of deflated data sets once they are inflated.
    inflated: u64,
    /// Bytes of those as they came.
    deflated: u64,
    /// Bytes of the upload as it came that lie behind all this.
    available: u64,
}

impl Claim {
    /// Adds so many frames of an instance.
    pub(crate) fn add(&mut self, instance: &Instance, frames: u64) {
        let header = &*instance.header;
        let voxels = header.format.as_ref().map_or(0, samples_of_frame);
        self.voxels = self.voxels.saturating_add(voxels.saturating_mul(frames));
        let bytes = instance.blob.compressed_size();
        self.available = self.available.saturating_add(bytes);
        if header.is_deflated() {
            self.inflated = self.inflated.saturating_add(inflated_bytes(header));
            self.deflated = self.deflated.saturating_add(bytes);
        }
    }

    /// Refuses what so few bytes cannot fill.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), ImagingError> {
        if self.voxels > UNCHECKED_VOXELS && self.voxels / VOXELS_PER_BYTE > self.available {
            return Err(ImagingError::LyingLength {
                what: "the matrix of the series",
                claimed: self.voxels.saturating_mul(2),
                available: self.available,
            });
        }
        within(
            LimitKind::UncompressedBytes,
            self.inflated,
            limits.uncompressed_bytes,
        )?;
        check_ratio(self.deflated, self.inflated, limits)
    }
}

/// Refuses a frame that no scanner makes.
pub(crate) fn check_frame_size(rows: u64, columns: u64, limits: &Limits) -> Result<(), ImagingError> {
    if rows.saturating_mul(columns) > limits.frame_pixels {
        return Err(ImagingError::FrameTooLarge {
            rows,
            columns,
            limit: limits.frame_pixels,
        });
    }
    Ok(())
}

fn samples_of_frame(format: &PixelFormat) -> u64 {
    // Three factors of 16 bits.
    u64::from(format.rows) * u64::from(format.columns) * u64::from(format.samples_per_pixel.max(1))
}

fn inflated_bytes(header: &InstanceHeader) -> u64 {
    header.pixels_end().unwrap_or(header.data_set_start as u64)
}
