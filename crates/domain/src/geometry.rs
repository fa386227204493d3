//! Where voxels lie. Axes are always `(z, y, x)`: slice, row, column.

use serde::{Deserialize, Serialize};

/// A spacing that is not positive and finite.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("spacing ({0}, {1}, {2}) mm is not positive and finite")]
pub struct InvalidSpacing(pub f64, pub f64, pub f64);

/// Distance between voxel centres in millimetres, `[z, y, x]`, each positive and finite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 3]", into = "[f64; 3]")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = [f64; 3]))]
pub struct SpacingMm([f64; 3]);

impl SpacingMm {
    pub fn new(z: f64, y: f64, x: f64) -> Result<Self, InvalidSpacing> {
        if [z, y, x].iter().all(|value| value.is_finite() && *value > 0.0) {
            Ok(Self([z, y, x]))
        } else {
            Err(InvalidSpacing(z, y, x))
        }
    }

    pub const fn z(self) -> f64 {
        self.0[0]
    }

    pub const fn y(self) -> f64 {
        self.0[1]
    }

    pub const fn x(self) -> f64 {
        self.0[2]
    }

    pub const fn zyx(self) -> [f64; 3] {
        self.0
    }

    pub fn voxel_volume_mm3(self) -> f64 {
        self.0.iter().product()
    }
}

impl TryFrom<[f64; 3]> for SpacingMm {
    type Error = InvalidSpacing;

    fn try_from([z, y, x]: [f64; 3]) -> Result<Self, Self::Error> {
        Self::new(z, y, x)
    }
}

impl From<SpacingMm> for [f64; 3] {
    fn from(spacing: SpacingMm) -> Self {
        spacing.0
    }
}

/// The grid of a volume in the patient coordinate system of DICOM (LPS: x to the patient's left, y to the
/// back, z to the head), after DICOM PS3.3 C.7.6.2.1.1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VolumeGeometry {
    /// Number of voxels `[z, y, x]`.
    pub shape: [usize; 3],
    pub spacing_mm: SpacingMm,
    /// Centre of voxel (0, 0, 0) in LPS millimetres, `[x, y, z]` as DICOM writes it.
    pub origin_mm: [f64; 3],
    /// Unit vectors in LPS `[x, y, z]` along the slice, row-index and column-index axes, in the order `(z, y, x)`.
    pub direction: [[f64; 3]; 3],
}

impl VolumeGeometry {
    /// Patient coordinates `[x, y, z]` in millimetres of a voxel index `[z, y, x]`.
    pub fn position_mm(&self, index: [f64; 3]) -> [f64; 3] {
        let spacing = self.spacing_mm.zyx();
        let mut position = self.origin_mm;
        for axis in 0..3 {
            for (coordinate, component) in position.iter_mut().zip(self.direction[axis]) {
                *coordinate += index[axis] * spacing[axis] * component;
            }
        }
        position
    }
}

/// A box of voxels, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VoxelBox {
    pub x_min: usize,
    pub x_max: usize,
    pub y_min: usize,
    pub y_max: usize,
    pub z_min: usize,
    pub z_max: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacing_is_positive_and_finite() {
        assert!(SpacingMm::new(1.0, 0.5, 0.5).is_ok());
        for (z, y, x) in [
            (0.0, 1.0, 1.0),
            (1.0, -1.0, 1.0),
            (1.0, 1.0, f64::NAN),
            (f64::INFINITY, 1.0, 1.0),
        ] {
            assert!(SpacingMm::new(z, y, x).is_err());
        }
        assert!(serde_json::from_str::<SpacingMm>("[1.0, 0.0, 1.0]").is_err());
    }

    #[test]
    fn a_position_follows_the_axes() {
        let geometry = VolumeGeometry {
            shape: [10, 20, 30],
            spacing_mm: SpacingMm::new(2.0, 0.5, 0.25).unwrap(),
            origin_mm: [-100.0, -50.0, 10.0],
            direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
        };
        assert_eq!(geometry.position_mm([1.0, 2.0, 4.0]), [-99.0, -49.0, 12.0]);
    }
}
