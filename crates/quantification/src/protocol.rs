//! How a volume was made, as far as it moves what is measured in it.

/// Slices farther apart, or thicker, are thick: what runs in them or lies under them is averaged with lung.
const LARGEST_THIN_MM: f64 = 3.05;

/// Larger pixels are coarse: a matrix of 512 shows up to 510 mm with smaller ones.
const LARGEST_FINE_PIXEL_MM: f64 = 1.0;

/// Still larger ones average vessels and what lies on the lungs with them as thick slices do.
const LARGEST_PIXEL_MM: f64 = 1.5;

/// Where soft tissue begins so much brighter beside lung than it goes on, a kernel has sharpened. Of six volumes with coarse pixels
/// it is at most −14 HU, with noise of 60 HU at most −12, and at least 62 HU where they were sharpened.
const LARGEST_OVERSHOOT_HU: f64 = 30.0;

/// Slices, pixels and noise of a volume.
pub(crate) struct Protocol {
    /// What a slice averages over, or how far slices are apart, whichever is more.
    pub(crate) slab_mm: f64,
    /// The larger side of a pixel.
    pub(crate) pixel_mm: f64,
    /// Standard deviation of the noise that is left on the grid; None where there is no place to measure it.
    pub(crate) noise_hu: Option<f64>,
    /// How much brighter soft tissue begins beside lung than it goes on; None where it was not measured.
    pub(crate) overshoot_hu: Option<f64>,
}

impl Protocol {
    /// `thickness_mm` is Slice Thickness (0018,0050) where it is known: slices of 5 mm every 2.5 mm are thick as well.
    pub(crate) fn slab_mm(spacing_mm: f64, thickness_mm: Option<f64>) -> f64 {
        let stated = thickness_mm.filter(|thickness| thickness.is_finite());
        spacing_mm.max(stated.unwrap_or(0.0))
    }

    pub(crate) fn has_thick_slices(&self) -> bool {
        self.slab_mm > LARGEST_THIN_MM
    }

    pub(crate) fn has_coarse_pixels(&self) -> bool {
        are_coarse(self.pixel_mm)
    }

    pub(crate) fn has_very_coarse_pixels(&self) -> bool {
        self.pixel_mm > LARGEST_PIXEL_MM
    }

    /// Whether a sharp kernel worked over coarse pixels.
    pub(crate) fn is_sharpened_widely(&self) -> bool {
        self.has_coarse_pixels()
            && self
                .overshoot_hu
                .is_some_and(|overshoot| overshoot > LARGEST_OVERSHOOT_HU)
    }
}

/// Whether pixels are coarse whose larger side is so long.
pub(crate) fn are_coarse(pixel_mm: f64) -> bool {
    pixel_mm > LARGEST_FINE_PIXEL_MM
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_as_thick_as_they_average_or_lie_apart() {
        assert_eq!(Protocol::slab_mm(2.5, Some(5.0)), 5.0);
        assert_eq!(Protocol::slab_mm(5.0, Some(1.0)), 5.0);
        assert_eq!(Protocol::slab_mm(2.0, None), 2.0);
        assert_eq!(Protocol::slab_mm(2.0, Some(f64::NAN)), 2.0);
        let thick = |slab_mm| {
            let protocol = Protocol {
                slab_mm,
                pixel_mm: 0.7,
                noise_hu: None,
                overshoot_hu: None,
            };
            protocol.has_thick_slices()
        };
        assert!(!thick(3.0) && thick(4.0) && thick(5.0));
    }
}
