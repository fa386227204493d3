//! The anatomy against the header: a chest as it is, mirrored along each axis, turned, and of another size.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test that fails is a test that fails"
)]

use ndarray::Axis;
use norma_domain::SpacingMm;
use norma_test_support::{Lungs, PhantomOptions, phantom_volume};
use norma_volume::{OrientationEvidence, Volume, measure_orientation, segment_lungs};

fn small(change: impl Fn(&mut PhantomOptions)) -> Volume {
    let mut options = PhantomOptions::small();
    change(&mut options);
    phantom_volume(&options)
}

/// The voxels in the other order along `axes`, under the header of before.
fn mirrored(volume: &Volume, axes: &[usize]) -> Volume {
    let mut voxels = volume.hounsfield.clone();
    for &axis in axes {
        voxels.invert_axis(Axis(axis));
    }
    Volume::new(voxels.as_standard_layout().into_owned(), volume.geometry.clone()).unwrap()
}

fn evidence(volume: &Volume) -> OrientationEvidence {
    measure_orientation(volume, &segment_lungs(volume))
}

/// Sides, head and foot, front and back: in the order of the axes x, z, y.
fn told(evidence: &OrientationEvidence) -> [f64; 3] {
    [evidence.left_right, evidence.foot_head, evidence.front_back].map(Option::unwrap)
}

#[test]
fn a_chest_agrees_and_each_mirroring_contradicts_its_own_axis() {
    let chest = small(|_| ());
    let sound = told(&evidence(&chest));
    assert!(sound.iter().all(|&agrees| agrees > 0.15), "{sound:?}");
    for (place, axis) in [2, 0, 1].into_iter().enumerate() {
        let contradicts = told(&evidence(&mirrored(&chest, &[axis])));
        for (other, &agrees) in contradicts.iter().enumerate() {
            if other == place {
                assert!(agrees <= -0.15, "axis {axis}: {contradicts:?}");
            } else {
                assert!(agrees > -0.15, "axis {axis}: {contradicts:?}");
            }
        }
    }
    // Turned by half about the long axis: what lies on the other side lies behind as well.
    let turned = told(&evidence(&mirrored(&chest, &[1, 2])));
    assert!(turned.iter().any(|&agrees| agrees <= -0.15), "{turned:?}");
}

#[test]
fn the_size_is_that_of_the_header() {
    let chest = small(|_| ());
    let [height, depth, width] = evidence(&chest).extent_mm.unwrap();
    assert!(
        (165.0..370.0).contains(&width) && depth < width && height < 400.0,
        "{height} {depth} {width}"
    );
    let mut halved = chest;
    let spacing = halved.geometry.spacing_mm;
    halved.geometry.spacing_mm =
        SpacingMm::new(spacing.z() / 2.0, spacing.y() / 2.0, spacing.x() / 2.0).unwrap();
    let [.., narrow] = evidence(&halved).extent_mm.unwrap();
    assert!((narrow / width - 0.5).abs() < 0.05, "{narrow} of {width}");
}

#[test]
fn one_lung_or_none_tells_no_side() {
    for lungs in [Lungs::Left, Lungs::None] {
        assert_eq!(
            evidence(&small(|options| options.lungs = lungs)),
            OrientationEvidence::default()
        );
    }
}
