//! Candidates for lung nodules and masses.
//!
//! The lungs' hull (each lung closed by a ball of 12 mm) is brought to an isotropic grid of 1.25 to 2 mm, blobs of 5 to
//! 58 mm are sought by the Laplacian of Gaussians and the Hessian's eigenvalues, and each blob is grown into a body, whose
//! features a fixed logistic rule weighs. What is found is a *candidate*: most vessels' branchings are blobs too.

mod blobs;
mod candidate;
mod distance;
mod finding;
mod grid;
mod hull;
mod rule;
mod shape;
mod smoothing;

use ndarray::{Array3, Zip};
use norma_volume::{LungSegmentation, Volume};
use rayon::prelude::*;

pub use candidate::{CandidateFeatures, NoduleCandidate};
pub use finding::nodule_findings;
pub use rule::{SHOWN_SCORE, SURE_SCORE};

use blobs::find_blobs;
use grid::Grid;
use hull::hull;
use rule::LEAST_DIAMETER_MM;
use shape::{Extent, Pyramid};

/// So many of the strongest blobs are grown into bodies.
const MOST_BLOBS: usize = 120;
/// What lies outside the hull is taken for lung, and in it what is emptier or denser is clipped.
const EMPTIEST_HU: f32 = -950.0;
const DENSEST_HU: f32 = 50.0;

/// Seeks nodules and masses in the lungs; the most likely first. Empty where there are no lungs.
///
/// `lungs` is the mask of the same volume. Voxel indices are of `volume`.
pub fn find_nodules(volume: &Volume, lungs: &LungSegmentation) -> Vec<NoduleCandidate> {
    let found = find_bodies(volume, lungs).map(|(_, found)| found);
    found
        .unwrap_or_default()
        .into_iter()
        .map(|(candidate, _)| candidate)
        .collect()
}

/// [`find_nodules`] with each candidate's voxels on the grid.
fn find_bodies(volume: &Volume, lungs: &LungSegmentation) -> Option<(Grid, Vec<(NoduleCandidate, Extent)>)> {
    let grid = Grid::around(volume, lungs)?;
    let hull = hull(&grid);
    let lung_hu = grid.lung_level();
    let mut image = Array3::zeros(hull.raw_dim());
    Zip::from(&mut image)
        .and(&grid.hounsfield)
        .and(&hull)
        .for_each(|value, &hounsfield, &hull| {
            *value = if hull == 0 {
                lung_hu
            } else {
                f32::from(hounsfield).clamp(EMPTIEST_HU, DENSEST_HU)
            };
        });
    let blobs = find_blobs(image, grid.spacing_mm, MOST_BLOBS);
    let pyramid = Pyramid::new(grid.hounsfield.mapv(f32::from), hull.clone(), grid.spacing_mm);
    let mut candidates: Vec<(NoduleCandidate, Extent)> = blobs
        .par_iter()
        .filter_map(|blob| {
            let body = pyramid.body_of(blob, lung_hu)?;
            (body.diameter_mm() >= LEAST_DIAMETER_MM).then(|| {
                let candidate = NoduleCandidate::new(blob, &body, lung_hu, &grid, &hull, lungs, volume);
                (candidate, body.extent)
            })
        })
        .collect();
    candidates.sort_by(|(left, _), (right, _)| right.score.total_cmp(&left.score));
    Some((grid, without_repetitions(candidates, volume)))
}

/// Leaves out candidates whose centre lies within half the larger diameter of a more likely one.
fn without_repetitions(
    candidates: Vec<(NoduleCandidate, Extent)>,
    volume: &Volume,
) -> Vec<(NoduleCandidate, Extent)> {
    let spacing = volume.geometry.spacing_mm.zyx();
    let mut kept: Vec<(NoduleCandidate, Extent)> = Vec::new();
    for (candidate, extent) in candidates {
        let repeats = kept.iter().any(|(other, _)| {
            let squared: f64 = (0..3)
                .map(|axis| {
                    ((candidate.centre_voxel[axis] - other.centre_voxel[axis]) * spacing[axis]).powi(2)
                })
                .sum();
            squared.sqrt() < 0.5 * candidate.diameter_mm.max(other.diameter_mm)
        });
        if !repeats {
            kept.push((candidate, extent));
        }
    }
    kept
}
