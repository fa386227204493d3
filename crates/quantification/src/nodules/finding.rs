//! Which candidates are reported, and which are pathology by themselves.

use norma_domain::{MeasuredFinding, NoduleDensity, NoduleDetail, PathologyType, VoxelBox, VoxelMask};
use norma_volume::{LungSegmentation, Volume};

use super::grid::Grid;
use super::rule::{MASS_SCORE, SHOWN_SCORE, SURE_SCORE};
use super::shape::Extent;
use super::{NoduleCandidate, find_bodies};
use crate::segmented_finding::SegmentedFinding;

/// Slices farther apart average a nodule of 6 mm away, and make vessels that cross them look like one.
const LARGEST_SPACING_MM: f64 = 3.05;
/// The Fleischner Society (Radiology 284, 2017) follows solid nodules from here on.
const LEAST_NODULE_MM: f64 = 6.0;
/// From this size on a body needs less to count: see [`MASS_SCORE`].
const LEAST_MASS_MM: f64 = 20.0;
/// Reported at most: more are a disease of the whole lung, which the measures name.
const MOST_FINDINGS: usize = 10;

/// The nodules and masses worth a radiologist's look, the likeliest first; None where the volume is too coarse to
/// look for any.
pub fn nodule_findings(volume: &Volume, lungs: &LungSegmentation) -> Option<Vec<SegmentedFinding>> {
    let spacing = volume.geometry.spacing_mm.zyx();
    if spacing.iter().any(|&length| length > LARGEST_SPACING_MM) {
        return None;
    }
    let Some((grid, bodies)) = find_bodies(volume, lungs) else {
        return Some(Vec::new());
    };
    let shown = bodies
        .into_iter()
        .filter(|(candidate, _)| candidate.score >= SHOWN_SCORE)
        .take(MOST_FINDINGS);
    let segmented = shown.map(|(candidate, extent)| SegmentedFinding {
        mask: mask(volume.geometry.shape, candidate.region, &grid, &extent),
        finding: finding(candidate),
    });
    Some(segmented.collect())
}

/// The voxels of the volume whose middle lies in one of the body's.
fn mask(shape: [usize; 3], region: VoxelBox, grid: &Grid, extent: &Extent) -> Option<VoxelMask> {
    let mut mask = VoxelMask::empty(shape).ok()?;
    for slice in region.z_min..=region.z_max {
        for row in region.y_min..=region.y_max {
            let columns = (region.x_min..=region.x_max)
                .map(|column| extent.holds(grid.of_volume([slice, row, column])));
            mask.push_row([slice, row], region.x_min, columns);
        }
    }
    Some(mask)
}

fn finding(candidate: NoduleCandidate) -> MeasuredFinding {
    MeasuredFinding {
        pathology: PathologyType::LungNodule,
        side: candidate.side,
        third: candidate.third,
        volume_ml: candidate.volume_ml,
        mean_hu: candidate.mean_hu,
        region: candidate.region,
        key_slice: (candidate.centre_voxel[0].round().max(0.0) as usize)
            .clamp(candidate.region.z_min, candidate.region.z_max),
        decides: decides(candidate.density, candidate.diameter_mm, candidate.score),
        nodule: Some(NoduleDetail {
            diameter_mm: candidate.diameter_mm,
            density: candidate.density,
            score: candidate.score,
        }),
    }
}

/// A solid nodule of at least 6 mm that is sure, or a solid mass that is nearly so. Ground glass and part-solid
/// nodules are shown and decide nothing: what is a nodule of them and what a patch of pneumonia was not measured.
fn decides(density: NoduleDensity, diameter_mm: f64, score: f64) -> bool {
    let is_nodule = diameter_mm >= LEAST_NODULE_MM && score >= SURE_SCORE;
    let is_mass = diameter_mm >= LEAST_MASS_MM && score >= MASS_SCORE;
    density == NoduleDensity::Solid && (is_nodule || is_mass)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sure_solid_nodules_and_masses_decide() {
        use NoduleDensity::{Calcified, GroundGlass, PartSolid, Solid};
        for (density, diameter_mm, score, expected) in [
            (Solid, 6.0, 0.90, true),
            (Solid, 5.9, 0.99, false),
            (Solid, 19.9, 0.89, false),
            (Solid, 20.0, 0.85, true),
            (Solid, 60.0, 0.84, false),
            (PartSolid, 25.0, 0.99, false),
            (GroundGlass, 25.0, 0.99, false),
            (Calcified, 25.0, 0.99, false),
            (Solid, 25.0, f64::NAN, false),
        ] {
            assert_eq!(
                decides(density, diameter_mm, score),
                expected,
                "{density:?} {diameter_mm} {score}"
            );
        }
    }
}
