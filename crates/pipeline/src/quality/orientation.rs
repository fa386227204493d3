//! Whether the anatomy agrees with the sides and the size that the header states.

use norma_domain::{QualityCheck, QualityConsequence, ReasonCode};
use norma_volume::OrientationEvidence;

/// An axis whose evidence is lower contradicts the header; one between this and its negative cannot be told.
const CONTRADICTION: f64 = -0.15;
/// Width of both lungs of an adult, in millimetres.
const LEAST_WIDTH_MM: f64 = 165.0;
const LARGEST_WIDTH_MM: f64 = 370.0;
/// Lungs are wider than deep, in the deepest chest about as deep as wide.
const LARGEST_DEPTH_OF_WIDTH: f64 = 1.05;
const LARGEST_HEIGHT_MM: f64 = 400.0;
/// Lungs that end within the scan above and below are higher than this part of their width, in a flat chest too.
const LEAST_HEIGHT_OF_WIDTH: f64 = 0.45;

/// From one vertebra of an adult to the next along the slices of a chest, in millimetres: 23 to 29 in the series that were
/// measured; of children and of slices that lie closer in the header than in the patient less, of the others more.
const VERTEBRAE_APART_MM: std::ops::RangeInclusive<f64> = 18.75..=33.0;

/// The checks of sides and size. `whole` says that the scan holds the lungs from apex to base: of a part of them
/// the places of airway and heart say nothing. `ends_within` says that neither its first nor its last slice holds lung, however high
/// the lungs seem to be.
pub(super) fn check_orientation(
    evidence: &OrientationEvidence,
    whole: bool,
    ends_within: bool,
) -> [QualityCheck; 3] {
    [
        check_sides(evidence, whole),
        check_size(evidence, ends_within),
        check_vertebrae(evidence, whole),
    ]
}

fn check_sides(evidence: &OrientationEvidence, whole: bool) -> QualityCheck {
    let axes = [
        (evidence.foot_head, "head and foot"),
        (evidence.front_back, "front and back"),
        (evidence.left_right, "left and right, or the organs lie mirrored"),
    ];
    let told: Vec<(f64, &str)> = axes
        .into_iter()
        .filter_map(|(evidence, name)| Some((evidence?, name)))
        .filter(|_| whole)
        .collect();
    let weakest = told
        .iter()
        .copied()
        .min_by(|one, other| one.0.total_cmp(&other.0));
    let check = |passed, consequence, message: String| QualityCheck {
        code: ReasonCode::OrientationDoubtful,
        passed,
        measured: weakest.map(|(evidence, _)| evidence),
        limit: Some(CONTRADICTION),
        unit: "fraction".to_owned(),
        consequence,
        message,
    };
    match weakest {
        Some((evidence, name)) if evidence <= CONTRADICTION => check(
            false,
            QualityConsequence::Undetermined,
            format!("the anatomy contradicts the header: {name}"),
        ),
        Some((evidence, _)) if told.len() == axes.len() && evidence >= -CONTRADICTION => check(
            true,
            QualityConsequence::Undetermined,
            "the anatomy agrees with the sides that the header states".to_owned(),
        ),
        Some(_) | None => check(
            false,
            QualityConsequence::Note,
            "the anatomy does not tell every side; the header was trusted".to_owned(),
        ),
    }
}

fn check_size(evidence: &OrientationEvidence, ends_within: bool) -> QualityCheck {
    let passed = evidence.extent_mm.is_none_or(|[height, depth, width]| {
        (LEAST_WIDTH_MM..=LARGEST_WIDTH_MM).contains(&width)
            && depth <= LARGEST_DEPTH_OF_WIDTH * width
            && height <= LARGEST_HEIGHT_MM
            && (!ends_within || height >= LEAST_HEIGHT_OF_WIDTH * width)
    });
    let message = if passed {
        "the lungs have the size of an adult's"
    } else {
        "the lungs have no adult's size or shape: the spacing or the axes may be wrong"
    };
    QualityCheck {
        code: ReasonCode::OrientationDoubtful,
        passed,
        measured: None,
        limit: None,
        unit: String::new(),
        consequence: QualityConsequence::Undetermined,
        message: message.to_owned(),
    }
}

/// Whether the vertebrae lie as far apart as an adult's. Where none are told apart nothing is said, and nothing of a part of the lungs:
/// vertebrae are lower towards the head.
fn check_vertebrae(evidence: &OrientationEvidence, whole: bool) -> QualityCheck {
    let apart = evidence.vertebrae_apart_mm.filter(|_| whole);
    let passed = apart.is_none_or(|apart| VERTEBRAE_APART_MM.contains(&apart));
    let is_close = apart.is_some_and(|apart| apart < *VERTEBRAE_APART_MM.start());
    let message = match (passed, is_close) {
        (true, _) => "nothing says that the vertebrae lie otherwise than an adult's",
        (false, true) => {
            "the vertebrae lie closer together than an adult's: the distance of the slices may be larger than the header says, or the \
             patient is a child"
        }
        (false, false) => {
            "the vertebrae lie further apart than an adult's: the distance of the slices may be less than the header says"
        }
    };
    QualityCheck {
        code: ReasonCode::OrientationDoubtful,
        passed,
        measured: apart,
        limit: Some(if is_close {
            *VERTEBRAE_APART_MM.start()
        } else {
            *VERTEBRAE_APART_MM.end()
        }),
        unit: "mm".to_owned(),
        consequence: QualityConsequence::Undetermined,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: OrientationEvidence = OrientationEvidence {
        left_right: Some(0.5),
        foot_head: Some(1.1),
        front_back: Some(0.6),
        extent_mm: Some([260.0, 160.0, 240.0]),
        vertebrae_apart_mm: Some(25.0),
    };

    fn outcome(evidence: OrientationEvidence, whole: bool) -> [(bool, QualityConsequence); 2] {
        let [sides, size, _] =
            check_orientation(&evidence, whole, true).map(|check| (check.passed, check.consequence));
        [sides, size]
    }

    #[test]
    fn vertebrae_that_lie_otherwise_than_an_adults_make_the_verdict_undetermined() {
        for (apart, passes) in [
            (Some(16.0), false),
            (Some(18.0), false),
            (Some(20.0), true),
            (Some(31.0), true),
            (Some(35.0), false),
            (None, true),
        ] {
            let evidence = OrientationEvidence {
                vertebrae_apart_mm: apart,
                ..SOUND
            };
            let [_, _, of_a_part] = check_orientation(&evidence, false, false);
            assert!(of_a_part.passed, "{apart:?}");
            let [_, _, check] = check_orientation(&evidence, true, false);
            assert_eq!(check.passed, passes, "{apart:?}");
            assert_eq!(check.consequence, QualityConsequence::Undetermined);
        }
    }

    #[test]
    fn each_axis_that_contradicts_makes_the_verdict_undetermined() {
        use QualityConsequence::{Note, Undetermined};
        let passed = (true, Undetermined);
        assert_eq!(outcome(SOUND, true), [passed, passed]);
        for wrong in [
            OrientationEvidence {
                left_right: Some(-0.4),
                ..SOUND
            },
            OrientationEvidence {
                foot_head: Some(-1.0),
                ..SOUND
            },
            OrientationEvidence {
                front_back: Some(-0.4),
                ..SOUND
            },
        ] {
            assert_eq!(outcome(wrong, true)[0], (false, Undetermined));
            // Of a part of the lungs nothing is told.
            assert_eq!(outcome(wrong, false)[0], (false, Note));
        }
        let untold = OrientationEvidence {
            left_right: Some(0.05),
            ..SOUND
        };
        assert_eq!(outcome(untold, true), [(false, Note), passed]);
    }

    #[test]
    fn a_size_that_no_adult_has_makes_the_verdict_undetermined() {
        for extent in [
            [260.0, 80.0, 120.0],
            [260.0, 320.0, 480.0],
            [520.0, 160.0, 240.0],
            [240.0, 240.0, 200.0],
        ] {
            let evidence = OrientationEvidence {
                extent_mm: Some(extent),
                ..SOUND
            };
            assert_eq!(
                outcome(evidence, true)[1],
                (false, QualityConsequence::Undetermined)
            );
        }
    }

    #[test]
    fn lungs_that_end_within_the_scan_are_no_flat_disc() {
        let flat = |height: f64| OrientationEvidence {
            extent_mm: Some([height, 160.0, 260.0]),
            ..SOUND
        };
        for (height, ends_within, passes) in [
            (26.0, true, false),
            (110.0, true, false),
            (140.0, true, true),
            (26.0, false, true),
        ] {
            let [_, size, _] = check_orientation(&flat(height), true, ends_within);
            assert_eq!(size.passed, passes, "{height} {ends_within}");
        }
    }
}
