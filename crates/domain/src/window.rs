use serde::{Deserialize, Serialize};

/// A window whose width is below 1 or not finite.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("window centre {center} and width {width} are not a window: the width is at least 1")]
pub struct InvalidWindow {
    pub center: f64,
    pub width: f64,
}

/// Window centre and width in Hounsfield units; the width is at least 1 (DICOM PS3.3 C.11.2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WindowLevel {
    center: f64,
    width: f64,
}

impl WindowLevel {
    /// The lung window, centre −600 width 1500.
    pub const LUNG: Self = Self {
        center: -600.0,
        width: 1500.0,
    };
    /// The mediastinal window, centre 40 width 400.
    pub const MEDIASTINUM: Self = Self {
        center: 40.0,
        width: 400.0,
    };
    /// The bone window, centre 400 width 1800.
    pub const BONE: Self = Self {
        center: 400.0,
        width: 1800.0,
    };

    pub fn new(center: f64, width: f64) -> Result<Self, InvalidWindow> {
        if center.is_finite() && width.is_finite() && width >= 1.0 {
            Ok(Self { center, width })
        } else {
            Err(InvalidWindow { center, width })
        }
    }

    pub const fn center(self) -> f64 {
        self.center
    }

    pub const fn width(self) -> f64 {
        self.width
    }

    /// Grey level 0..=255 by the linear function of DICOM PS3.3 C.11.2.1.2.1.
    pub fn grey(self, hounsfield: f64) -> u8 {
        if self.width <= 1.0 {
            return if hounsfield <= self.center - 0.5 { 0 } else { 255 };
        }
        let fraction = (hounsfield - (self.center - 0.5)) / (self.width - 1.0) + 0.5;
        (fraction.clamp(0.0, 1.0) * 255.0).round() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linear_function_of_the_standard() {
        let window = WindowLevel::new(40.0, 400.0).unwrap();
        assert_eq!(window.grey(-1000.0), 0);
        assert_eq!(window.grey(39.5), 128);
        assert_eq!(window.grey(239.0), 255);
        assert!(WindowLevel::new(0.0, 0.5).is_err());
    }
}
