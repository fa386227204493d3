//! How much of the lungs the scan holds: what lies beyond its first and its last slice is estimated.

use ndarray::Axis;
use norma_domain::{QualityCheck, QualityConsequence, ReasonCode};
use norma_imaging::LoadedSeries;
use norma_volume::LungSegmentation;

use super::measurement::Measurement;
use QualityConsequence::LimitsView;

/// From apex to base.
const LEAST_LUNG_HEIGHT_MM: f64 = 140.0;
/// Largest part of the lungs beyond a scan that is called complete: about ten millilitres. One end slice with a twentieth
/// of the largest lung area has it.
const LARGEST_PERCENT_BEYOND: f64 = 0.2;

/// Lung area of an end slice as a share of the largest → share of the lungs' volume beyond it. Medians over both ends of
/// six whole chests, cut where the area has that share; single ends lie between a third of it and two and a half times as
/// much. From 0.9 on nothing but "at least" is known.
const SHARES_BEYOND: [(f64, f64); 12] = [
    (0.0, 0.0),
    (0.05, 0.002),
    (0.1, 0.006),
    (0.2, 0.015),
    (0.3, 0.024),
    (0.4, 0.038),
    (0.5, 0.056),
    (0.6, 0.080),
    (0.7, 0.110),
    (0.8, 0.160),
    (0.9, 0.250),
    (1.0, 0.380),
];
/// From this share of the area on the scan may end anywhere in the middle.
const UNBOUNDED_FROM: f64 = 0.9;

/// An end of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Towards the feet.
    First,
    /// Towards the head.
    Last,
}

/// Lung on one border of the field of view. Lungs that touch it with a corner lose nothing; those that are cut lie against it over
/// square centimetres.
const LARGEST_AREA_AT_A_BORDER_MM2: f64 = 300.0;

/// What lies beyond the scan, the height that is seen, and whether the field of view holds the lungs.
pub(super) fn check_coverage(series: &LoadedSeries, lungs: &LungSegmentation) -> Vec<QualityCheck> {
    vec![
        check_ends(lungs),
        Measurement::at_least(
            ReasonCode::CoverageIncomplete,
            height_mm(series, lungs),
            LEAST_LUNG_HEIGHT_MM,
            "mm",
        )
        .or(
            LimitsView,
            "the lungs are seen over their whole height",
            "the lungs are seen over a part of their height only",
        ),
        check_field(series, lungs),
    ]
}

fn check_field(series: &LoadedSeries, lungs: &LungSegmentation) -> QualityCheck {
    let [z_mm, y_mm, x_mm] = series.volume.geometry.spacing_mm.zyx();
    let largest = [(1, x_mm), (2, y_mm)]
        .into_iter()
        .flat_map(|(axis, along_mm)| {
            let last = lungs.mask.len_of(Axis(axis)).saturating_sub(1);
            [0, last].map(|border| {
                let plane = lungs.mask.index_axis(Axis(axis), border);
                plane.iter().filter(|&&value| value != 0).count() as f64 * z_mm * along_mm
            })
        })
        .fold(0.0, f64::max);
    Measurement::at_most(
        ReasonCode::CoverageIncomplete,
        largest,
        LARGEST_AREA_AT_A_BORDER_MM2,
        "mm²",
    )
    .or(
        LimitsView,
        "the field of view holds the lungs on all sides",
        "the field of view cuts the lungs: send a reconstruction that holds the whole chest",
    )
}

fn check_ends(lungs: &LungSegmentation) -> QualityCheck {
    let shares = [End::First, End::Last].map(|end| (end, area_share(lungs, end)));
    let beyond: f64 = shares.iter().map(|(_, area)| share_beyond(*area)).sum();
    let missing: Vec<String> = shares
        .into_iter()
        .filter(|(_, area)| 100.0 * share_beyond(*area) >= 0.05)
        .map(|(end, area)| describe(end, area))
        .collect();
    Measurement::at_most(
        ReasonCode::CoverageIncomplete,
        100.0 * beyond,
        LARGEST_PERCENT_BEYOND,
        "percent",
    )
    .or(
        LimitsView,
        "the scan covers the lungs from apex to base",
        &if missing.is_empty() {
            "without lungs nobody can say what the scan covers".to_owned()
        } else {
            format!("the scan ends within the lungs: {}", missing.join(" and "))
        },
    )
}

fn describe(end: End, area: f64) -> String {
    let quantity = if area >= UNBOUNDED_FROM {
        "at least"
    } else {
        "about"
    };
    let place = match end {
        End::First => "below the first slice (base)",
        End::Last => "above the last slice (apex)",
    };
    format!("{quantity} {} % of them lie {place}", percent(share_beyond(area)))
}

/// One digit below ten.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent < 9.95 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    }
}

/// Lung area of an end slice as a share of the largest area; not a number without lungs.
fn area_share(lungs: &LungSegmentation, end: End) -> f64 {
    let largest = lungs.area_mm2.iter().copied().fold(0.0, f64::max);
    let area = match end {
        End::First => lungs.area_mm2.first(),
        End::Last => lungs.area_mm2.last(),
    };
    area.map_or(f64::NAN, |area| area / largest)
}

/// The estimate between the measured points. What is not a number stays so: it passes nothing.
fn share_beyond(area: f64) -> f64 {
    let last = SHARES_BEYOND[SHARES_BEYOND.len() - 1];
    SHARES_BEYOND
        .windows(2)
        .find(|points| (points[0].0..=points[1].0).contains(&area))
        .map_or(if area > last.0 { last.1 } else { f64::NAN }, |points| {
            let [(from, low), (to, high)] = [points[0], points[1]];
            low + (area - from) / (to - from) * (high - low)
        })
}

fn height_mm(series: &LoadedSeries, lungs: &LungSegmentation) -> f64 {
    lungs.extent.map_or(0.0, |[first, last]| {
        (last - first + 1) as f64 * series.volume.geometry.spacing_mm.z()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lungs(area_mm2: Vec<f64>) -> LungSegmentation {
        LungSegmentation {
            mask: ndarray::Array3::zeros([area_mm2.len(), 1, 1]),
            right_ml: 2500.0,
            left_ml: 2200.0,
            extent: Some([0, area_mm2.len() - 1]),
            area_mm2,
            touches_first: true,
            touches_last: true,
            bowel_gas: norma_volume::BowelGas::default(),
        }
    }

    #[test]
    fn what_is_missing_is_told_by_part_and_by_how_much() {
        let cut = check_ends(&lungs(vec![8_000.0, 12_000.0, 20_000.0, 15_000.0, 100.0]));
        assert!(!cut.passed && cut.consequence == LimitsView);
        assert!((cut.measured.unwrap() - 3.82).abs() < 1e-9, "{cut:?}");
        assert_eq!(
            cut.message,
            "the scan ends within the lungs: about 3.8 % of them lie below the first slice (base)"
        );
        let both = check_ends(&lungs(vec![2_000.0, 20_000.0, 19_000.0]));
        assert_eq!(
            both.message,
            "the scan ends within the lungs: about 0.6 % of them lie below the first slice (base) and at least 31 % of \
             them lie above the last slice (apex)"
        );
        let whole = check_ends(&lungs(vec![400.0, 12_000.0, 20_000.0, 15_000.0, 0.0]));
        assert!(whole.passed, "{whole:?}");
    }

    #[test]
    fn more_area_at_the_end_never_means_less_beyond_it() {
        let estimates: Vec<f64> = (0..=1_000)
            .map(|step| share_beyond(f64::from(step) / 1_000.0))
            .collect();
        assert!(estimates.is_sorted());
        assert!(estimates[0].abs() < 1e-9 && (estimates[1_000] - 0.38).abs() < 1e-9);
        // A slice with a twentieth of the largest area is the last that passes.
        let percent = |area| 100.0 * share_beyond(area);
        assert!(percent(0.05) <= LARGEST_PERCENT_BEYOND && percent(0.051) > LARGEST_PERCENT_BEYOND);
    }

    #[test]
    fn without_lungs_nothing_is_covered() {
        for area in [vec![0.0; 4], vec![]] {
            let none = LungSegmentation {
                extent: None,
                ..lungs([area, vec![0.0]].concat())
            };
            assert!(!check_ends(&none).passed);
        }
    }
}
