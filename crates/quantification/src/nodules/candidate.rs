//! A candidate as it is reported.

use ndarray::Array3;
use norma_domain::{LungSide, LungThird, NoduleDensity, VoxelBox};
use norma_volume::{LEFT_LUNG, LungSegmentation, Volume};
use serde::{Deserialize, Serialize};

use super::blobs::Blob;
use super::grid::Grid;
use super::shape::Body;

/// A body with its 90th percentile below is ground glass.
const GROUND_GLASS_HU: f64 = -300.0;
/// A body of which less is denser than −300 HU is part-solid.
const PART_SOLID: f64 = 0.5;
/// A solid body whose densest tenth lies above holds calcium.
const CALCIFIED_HU: f64 = 200.0;

/// What the rule weighs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CandidateFeatures {
    /// Scale-normalised Laplacian of the blob, HU.
    pub response_hu: f64,
    /// Smallest by largest curvature: 1 for a ball, 0 for a tube.
    pub roundness: f64,
    /// Middle by largest curvature: 1 for a ball and a tube, 0 for a plate.
    pub tubeness: f64,
    /// Radius of the ball that the filter fits.
    pub filter_radius_mm: f64,
    /// Radius of the largest ball inside the body.
    pub inscribed_mm: f64,
    /// Shortest by longest half axis of the body.
    pub axis_ratio: f64,
    /// Part of the surroundings inside the hull that is as dense as the body.
    pub dense_around: f64,
    /// Part of the surroundings that lies outside the hull.
    pub outside_around: f64,
    /// The body's mean above the lung's level, HU.
    pub contrast_hu: f64,
    /// The body's 90th percentile, HU.
    pub high_hu: f64,
    /// Part of the body denser than −300 HU.
    pub solid_part: f64,
}

/// A place in the lungs that looks like a nodule or a mass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoduleCandidate {
    /// Centroid `(z, y, x)` in voxels of the volume.
    pub centre_voxel: [f64; 3],
    /// Diameter of the ball of the same volume.
    pub diameter_mm: f64,
    pub volume_ml: f64,
    /// Mean Hounsfield units.
    pub mean_hu: f64,
    pub density: NoduleDensity,
    pub side: LungSide,
    pub third: LungThird,
    /// In voxels of the volume.
    pub region: VoxelBox,
    /// How likely it is a nodule, 0..=1, by the rule.
    pub score: f64,
    pub features: CandidateFeatures,
}

impl NoduleCandidate {
    pub(super) fn new(
        blob: &Blob,
        body: &Body,
        lung_hu: f32,
        grid: &Grid,
        hull: &Array3<u8>,
        lungs: &LungSegmentation,
        volume: &Volume,
    ) -> Self {
        let features = CandidateFeatures {
            response_hu: f64::from(blob.response),
            roundness: f64::from(blob.roundness),
            tubeness: f64::from(blob.tubeness),
            filter_radius_mm: blob.radius_mm,
            inscribed_mm: body.inscribed_mm,
            axis_ratio: body.axis_ratio,
            dense_around: body.dense_around,
            outside_around: body.outside_around,
            contrast_hu: body.mean_hu - f64::from(lung_hu),
            high_hu: body.high_hu,
            solid_part: body.solid_part,
        };
        let centre_voxel = grid.in_volume(body.place);
        let side = if side_at(hull, blob.place) == LEFT_LUNG {
            LungSide::Left
        } else {
            LungSide::Right
        };
        Self {
            centre_voxel,
            diameter_mm: body.diameter_mm(),
            volume_ml: body.volume_mm3 / 1000.0,
            mean_hu: body.mean_hu,
            density: density(body),
            side,
            third: LungThird::of_slice(
                centre_voxel[0],
                lungs
                    .extent
                    .unwrap_or([0, volume.geometry.shape[0].saturating_sub(1)]),
            ),
            region: region(
                grid.in_volume(body.low),
                grid.in_volume(body.high),
                volume.geometry.shape,
            ),
            score: features.score(body.diameter_mm()),
            features,
        }
    }
}

fn density(body: &Body) -> NoduleDensity {
    if body.high_hu < GROUND_GLASS_HU {
        NoduleDensity::GroundGlass
    } else if body.solid_part < PART_SOLID {
        NoduleDensity::PartSolid
    } else if body.high_hu > CALCIFIED_HU {
        NoduleDensity::Calcified
    } else {
        NoduleDensity::Solid
    }
}

/// The hull's label at a place; that of the nearest labelled voxel in the row where the place itself has none.
fn side_at(hull: &Array3<u8>, place: [f64; 3]) -> u8 {
    let [z, y, x] = place.map(|index| index.round().max(0.0) as usize);
    let (slices, rows, columns) = hull.dim();
    let (z, y, x) = (z.min(slices - 1), y.min(rows - 1), x.min(columns - 1));
    let row = hull.slice(ndarray::s![z, y, ..]);
    (0..columns)
        .filter(|&column| row[column] != 0)
        .min_by_key(|column| column.abs_diff(x))
        .map_or(0, |column| row[column])
}

fn region(low: [f64; 3], high: [f64; 3], shape: [usize; 3]) -> VoxelBox {
    let first = |axis: usize| (low[axis].round().max(0.0) as usize).min(shape[axis] - 1);
    let last = |axis: usize| (high[axis].round().max(0.0) as usize).min(shape[axis] - 1);
    VoxelBox {
        x_min: first(2),
        x_max: last(2).max(first(2)),
        y_min: first(1),
        y_max: last(1).max(first(1)),
        z_min: first(0),
        z_max: last(0).max(first(0)),
    }
}
