//! The part of a slice that a model is given.

use serde::{Deserialize, Serialize};

/// The square that was cut out of a slice. Where it exceeds the image, the image's edge goes on, smoothed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CropBox {
    /// Top edge in source pixels; negative above the image.
    pub y: f32,
    /// Left edge in source pixels; negative left of the image.
    pub x: f32,
    /// Length of the side in source pixels.
    pub side: f32,
}
