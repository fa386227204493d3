//! Nodules in an analytic chest: two lungs of ellipsoids in a body, with vessels, and balls of known size and place.

use ndarray::Array3;
use norma_domain::{LungSide, LungThird, NoduleDensity, PathologyType, SpacingMm, VolumeGeometry};
use norma_quantification::nodules::{NoduleCandidate, SURE_SCORE, find_nodules, nodule_findings};
use norma_volume::{Volume, segment_lungs};

const SPACING: [f64; 3] = [2.0, 1.2, 1.2];
const SHAPE: [usize; 3] = [110, 200, 260];

struct Ball {
    /// `(z, y, x)` in millimetres from the first voxel.
    centre_mm: [f64; 3],
    diameter_mm: f64,
    hounsfield: f64,
}

/// A body with a right lung (towards x = 0) and a left one, each crossed by vessels of 3 to 7 mm, and the balls.
fn chest(balls: &[Ball]) -> Volume {
    let extent: [f64; 3] = std::array::from_fn(|axis| SHAPE[axis] as f64 * SPACING[axis]);
    let within = |point: [f64; 3], centre: [f64; 3], half: [f64; 3]| {
        (0..3)
            .map(|axis| ((point[axis] - centre[axis]) / half[axis]).powi(2))
            .sum::<f64>()
            < 1.0
    };
    let middle = extent.map(|length| length / 2.0);
    let hounsfield = Array3::from_shape_fn((SHAPE[0], SHAPE[1], SHAPE[2]), |(z, y, x)| {
        let point = [
            z as f64 * SPACING[0],
            y as f64 * SPACING[1],
            x as f64 * SPACING[2],
        ];
        let in_body = within([middle[0], point[1], point[2]], middle, [1.0, 110.0, 145.0]);
        if !in_body {
            return -1000;
        }
        let lung = [-70.0, 70.0].iter().any(|side| {
            within(
                point,
                [middle[0], middle[1], middle[2] + side],
                [95.0, 75.0, 52.0],
            )
        });
        let mut value: f64 = if lung { -850.0 } else { 40.0 };
        for (number, side) in [(0, -70.0), (1, 70.0)] {
            for branch in 0..5 {
                // Oblique vessels that thin out from the hilum.
                let along = point[0] - middle[0];
                let axis_y = middle[1] + (f64::from(branch) - 2.0) * 18.0 + 0.35 * along;
                let axis_x = middle[2] + side + (f64::from(branch) - 2.0) * 9.0 - 0.25 * along;
                let radius = 1.5 + 0.5 * f64::from(branch % 5) + 0.1 * f64::from(number);
                let apart = (point[1] - axis_y).hypot(point[2] - axis_x);
                if lung && apart < radius + 0.6 {
                    value = value.max(-850.0 + 890.0 * ((radius + 0.6 - apart) / 1.2).clamp(0.0, 1.0));
                }
            }
        }
        for ball in balls {
            let apart = (0..3)
                .map(|axis| (point[axis] - ball.centre_mm[axis]).powi(2))
                .sum::<f64>()
                .sqrt();
            let opacity = ((ball.diameter_mm / 2.0 + 0.7 - apart) / 1.4).clamp(0.0, 1.0);
            value += opacity * (ball.hounsfield - value).max(0.0);
        }
        value.round() as i16
    });
    let geometry = VolumeGeometry {
        slice_places_mm: None,
        shape: SHAPE,
        spacing_mm: SpacingMm::new(SPACING[0], SPACING[1], SPACING[2]).expect("the spacing is positive"),
        origin_mm: [0.0; 3],
        direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
    };
    Volume::new(hounsfield, geometry).expect("the shapes agree")
}

fn found(balls: &[Ball]) -> Vec<NoduleCandidate> {
    let volume = chest(balls);
    let lungs = segment_lungs(&volume);
    assert!(
        lungs.right_ml > 800.0 && lungs.left_ml > 800.0,
        "the chest has lungs"
    );
    find_nodules(&volume, &lungs)
}

fn near<'a>(candidates: &'a [NoduleCandidate], ball: &Ball) -> Option<&'a NoduleCandidate> {
    candidates.iter().find(|candidate| {
        let apart: f64 = (0..3)
            .map(|axis| (candidate.centre_voxel[axis] * SPACING[axis] - ball.centre_mm[axis]).powi(2))
            .sum();
        apart.sqrt() < 0.5 * ball.diameter_mm
    })
}

#[test]
fn a_chest_with_vessels_alone_holds_no_sure_nodule() {
    for candidate in found(&[]) {
        assert!(candidate.score < SURE_SCORE, "{candidate:?}");
    }
}

#[test]
fn balls_are_found_first_with_their_size_place_and_density() {
    let balls = [
        Ball {
            centre_mm: [52.0, 160.0, 62.0],
            diameter_mm: 9.0,
            hounsfield: 40.0,
        },
        Ball {
            centre_mm: [168.0, 95.0, 250.0],
            diameter_mm: 22.0,
            hounsfield: 40.0,
        },
        Ball {
            centre_mm: [110.0, 70.0, 210.0],
            diameter_mm: 14.0,
            hounsfield: -520.0,
        },
    ];
    let candidates = found(&balls);
    let [small, large, faint] = balls
        .each_ref()
        .map(|ball| near(&candidates, ball).expect("found"));
    for (candidate, ball) in [small, large, faint].into_iter().zip(&balls) {
        assert!(
            (candidate.diameter_mm - ball.diameter_mm).abs() < 0.2 * ball.diameter_mm,
            "{candidate:?}"
        );
        let ball_ml = std::f64::consts::PI * ball.diameter_mm.powi(3) / 6000.0;
        assert!((candidate.volume_ml / ball_ml).ln().abs() < 0.5, "{candidate:?}");
        let [z, y, x] = candidate.centre_voxel.map(|index| index.round() as usize);
        let region = candidate.region;
        assert!((region.z_min..=region.z_max).contains(&z));
        assert!((region.y_min..=region.y_max).contains(&y));
        assert!((region.x_min..=region.x_max).contains(&x));
    }
    let firsts: Vec<&NoduleCandidate> = candidates.iter().take(3).collect();
    assert!(firsts.contains(&small) && firsts.contains(&large), "{firsts:?}");
    assert!(small.score > SURE_SCORE && large.score > SURE_SCORE);
    assert_eq!(
        (small.density, large.density),
        (NoduleDensity::Solid, NoduleDensity::Solid)
    );
    assert_eq!(faint.density, NoduleDensity::GroundGlass);
    assert_eq!((small.side, small.third), (LungSide::Right, LungThird::Lower));
    assert_eq!((large.side, large.third), (LungSide::Left, LungThird::Upper));
}

#[test]
fn a_mass_on_the_chest_wall_is_found() {
    let mass = Ball {
        centre_mm: [110.0, 186.0, 226.0],
        diameter_mm: 28.0,
        hounsfield: 40.0,
    };
    let candidates = found(std::slice::from_ref(&mass));
    let found = near(&candidates, &mass).expect("found");
    assert!(found.score > 0.5 && found.diameter_mm > 15.0, "{found:?}");
}

#[test]
fn a_volume_without_lungs_has_no_candidates() {
    let mut volume = chest(&[]);
    volume.hounsfield.fill(40);
    let lungs = segment_lungs(&volume);
    assert!(find_nodules(&volume, &lungs).is_empty());
}

#[test]
fn a_solid_nodule_is_a_finding_that_decides_and_coarse_slices_are_not_looked_at() {
    let nodule = Ball {
        centre_mm: [52.0, 160.0, 62.0],
        diameter_mm: 9.0,
        hounsfield: 40.0,
    };
    let mut volume = chest(std::slice::from_ref(&nodule));
    let lungs = segment_lungs(&volume);
    let findings = nodule_findings(&volume, &lungs).expect("2 mm are fine enough");
    let first = &findings[0].finding;
    let mask = findings[0].mask.as_ref().expect("a small volume");
    let volume_ml = mask.voxels() as f64 * volume.geometry.spacing_mm.voxel_volume_mm3() / 1000.0;
    assert!(
        (volume_ml / first.volume_ml - 1.0).abs() < 0.15,
        "{volume_ml} ml of {} ml",
        first.volume_ml
    );
    let hounsfield = volume.hounsfield.as_slice().expect("contiguous");
    let dense = mask.runs().iter().filter(|run| {
        let middle = run.first + run.length / 2;
        hounsfield[middle as usize] > -500
    });
    assert!(
        dense.count() * 10 > mask.runs().len() * 9,
        "it lies on the nodule"
    );
    assert!(
        first.decides && first.pathology == PathologyType::LungNodule,
        "{first:?}"
    );
    assert!((first.region.z_min..=first.region.z_max).contains(&first.key_slice));
    assert!(
        first
            .nodule
            .is_some_and(|detail| (detail.diameter_mm - 9.0).abs() < 2.0)
    );

    volume.geometry.spacing_mm = SpacingMm::new(5.0, 1.2, 1.2).expect("the spacing is positive");
    assert_eq!(nodule_findings(&volume, &lungs), None);
}
