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
    /// Where slices are missing: how far each slice lies from the first along the slice axis, in millimetres. None where
    /// they are evenly spaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice_places_mm: Option<Vec<f64>>,
}

impl VolumeGeometry {
    /// Patient coordinates `[x, y, z]` in millimetres of a voxel index `[z, y, x]`.
    ///
    /// Within a gap of the stack a part of an index counts by the usual spacing from the nearer index.
    pub fn position_mm(&self, index: [f64; 3]) -> [f64; 3] {
        let along = [
            self.along_slices_mm(index[0]),
            index[1] * self.spacing_mm.y(),
            index[2] * self.spacing_mm.x(),
        ];
        let mut position = self.origin_mm;
        for (direction, along) in self.direction.iter().zip(along) {
            for (coordinate, component) in position.iter_mut().zip(direction) {
                *coordinate += along * component;
            }
        }
        position
    }

    /// Two opposite corners of a box `[x, y, z]` in LPS millimetres; it reaches to the outer faces of its voxels.
    pub fn corners_mm(&self, region: VoxelBox) -> [[f64; 3]; 2] {
        let half = self.spacing_mm.zyx().map(|spacing| spacing / 2.0);
        let corner = |index: [usize; 3], side: f64| {
            let mut corner = self.position_mm(index.map(|index| index as f64));
            for (direction, half) in self.direction.iter().zip(half) {
                for (coordinate, component) in corner.iter_mut().zip(direction) {
                    *coordinate += side * half * component;
                }
            }
            corner
        };
        [
            corner([region.z_min, region.y_min, region.x_min], -1.0),
            corner([region.z_max, region.y_max, region.x_max], 1.0),
        ]
    }

    /// The voxel index `[z, y, x]` of patient coordinates: what [`position_mm`](Self::position_mm) turns into them. None where
    /// the axes lie in one plane. Axes need not be at right angles: those of a tilted gantry are not.
    pub fn index_of(&self, position_mm: [f64; 3]) -> Option<[f64; 3]> {
        let way: [f64; 3] = std::array::from_fn(|axis| position_mm[axis] - self.origin_mm[axis]);
        let [z, y, x] = self.direction;
        let volume = dot(z, cross(y, x));
        if volume.abs() < f64::EPSILON {
            return None;
        }
        // Cramer's rule: along each axis as far as the other two leave over.
        let along = [
            dot(way, cross(y, x)),
            dot(z, cross(way, x)),
            dot(z, cross(y, way)),
        ];
        let [z, y, x] = along.map(|along| along / volume);
        Some([
            self.slice_at_mm(z),
            y / self.spacing_mm.y(),
            x / self.spacing_mm.x(),
        ])
    }

    /// The slice at a place along the slice axis, in millimetres from the first.
    fn slice_at_mm(&self, along_mm: f64) -> f64 {
        let spacing = self.spacing_mm.z();
        let places = self.slice_places_mm.iter().flatten().enumerate();
        let nearest = places
            .min_by(|(_, one), (_, other)| (*one - along_mm).abs().total_cmp(&(*other - along_mm).abs()));
        match nearest {
            Some((slice, place)) => slice as f64 + (along_mm - place) / spacing,
            None => along_mm / spacing,
        }
    }

    fn along_slices_mm(&self, slice: f64) -> f64 {
        let spacing = self.spacing_mm.z();
        let Some(places) = self.slice_places_mm.as_ref().filter(|places| !places.is_empty()) else {
            return slice * spacing;
        };
        let nearest = slice.round().clamp(0.0, (places.len() - 1) as f64);
        places[nearest as usize] + (slice - nearest) * spacing
    }
}

fn dot(one: [f64; 3], other: [f64; 3]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
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
            slice_places_mm: None,
            shape: [10, 20, 30],
            spacing_mm: SpacingMm::new(2.0, 0.5, 0.25).unwrap(),
            origin_mm: [-100.0, -50.0, 10.0],
            direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
        };
        assert_eq!(geometry.position_mm([1.0, 2.0, 4.0]), [-99.0, -49.0, 12.0]);
    }

    #[test]
    fn an_index_follows_from_its_position() {
        let (sin, cos) = 0.2_f64.sin_cos();
        for geometry in [
            VolumeGeometry {
                slice_places_mm: None,
                shape: [10, 20, 30],
                spacing_mm: SpacingMm::new(2.0, 0.5, 0.25).unwrap(),
                origin_mm: [-100.0, -50.0, 10.0],
                // Slices of a tilted gantry, one above the other.
                direction: [[0.0, 0.0, 1.0], [0.0, cos, sin], [-1.0, 0.0, 0.0]],
            },
            VolumeGeometry {
                slice_places_mm: Some(vec![0.0, 2.0, 6.0, 8.0]),
                shape: [4, 20, 30],
                spacing_mm: SpacingMm::new(2.0, 0.5, 0.25).unwrap(),
                origin_mm: [1.0, 2.0, 3.0],
                direction: [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            },
        ] {
            for index in [
                [0.0, 0.0, 0.0],
                [3.0, 7.0, 11.0],
                [1.25, 2.5, -4.0],
                [-0.25, 19.0, 29.0],
            ] {
                let found = geometry.index_of(geometry.position_mm(index)).unwrap();
                for axis in 0..3 {
                    assert!((found[axis] - index[axis]).abs() < 1e-9, "{index:?} {found:?}");
                }
            }
        }
        let flat = VolumeGeometry {
            slice_places_mm: None,
            shape: [1, 1, 1],
            spacing_mm: SpacingMm::new(1.0, 1.0, 1.0).unwrap(),
            origin_mm: [0.0; 3],
            direction: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
        };
        assert_eq!(flat.index_of([1.0, 1.0, 1.0]), None);
    }

    #[test]
    fn above_missing_slices_every_voxel_keeps_its_place() {
        let even = VolumeGeometry {
            slice_places_mm: None,
            shape: [4, 20, 30],
            spacing_mm: SpacingMm::new(2.0, 0.5, 0.25).unwrap(),
            origin_mm: [-100.0, -50.0, 10.0],
            direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
        };
        // One slice is missing between the second and the third.
        let gap = VolumeGeometry {
            slice_places_mm: Some(vec![0.0, 2.0, 6.0, 8.0]),
            ..even.clone()
        };
        let heights = |geometry: &VolumeGeometry| {
            [0.0, 1.0, 2.0, 3.0, -0.5, 3.5].map(|slice| geometry.position_mm([slice, 0.0, 0.0])[2])
        };
        assert_eq!(heights(&even), [10.0, 12.0, 14.0, 16.0, 9.0, 17.0]);
        assert_eq!(heights(&gap), [10.0, 12.0, 16.0, 18.0, 9.0, 19.0]);
        let slice = |z: usize| VoxelBox {
            x_min: 0,
            x_max: 3,
            y_min: 0,
            y_max: 1,
            z_min: z,
            z_max: z,
        };
        assert_eq!(
            even.corners_mm(slice(1)),
            [[-100.125, -50.25, 11.0], [-99.125, -49.25, 13.0]]
        );
        assert_eq!(
            gap.corners_mm(slice(1)),
            even.corners_mm(slice(1)),
            "below the gap"
        );
        assert_eq!(
            gap.corners_mm(slice(2)),
            [[-100.125, -50.25, 15.0], [-99.125, -49.25, 17.0]]
        );
        let text = serde_json::to_string(&even).unwrap();
        assert!(!text.contains("slice_places_mm"), "{text}");
        let gap_text = serde_json::to_string(&gap).unwrap();
        assert_eq!(serde_json::from_str::<VolumeGeometry>(&gap_text).unwrap(), gap);
        assert_eq!(serde_json::from_str::<VolumeGeometry>(&text).unwrap(), even);
    }
}
