//! The ranges of norm and where they come from. Where nothing was published for a measure as it is taken here, the
//! range is that of the norm studies it was tried on, and says so.
//!
//! The published figures are cited from memory: nobody has held them against the papers yet. Until somebody has, each
//! says so wherever it is shown, and none of them decides a verdict. The four limits that do decide are this project's
//! own: far from what its norm studies reach (models/MEASURES.md).

use norma_domain::{MeasureCode, ReferenceRange};

/// How the source of a range begins that was found on this project's own studies.
const OWN: &str = "this project";
/// What stands before every other source.
const UNCHECKED: &str = "not yet held against the paper: ";

struct Row {
    low: Option<f64>,
    high: Option<f64>,
    outside_low: Option<f64>,
    outside_high: Option<f64>,
    source: &'static str,
    decides: bool,
}

/// Range, unit, and whether a value outside is pathology by itself.
pub(crate) fn range_of(code: MeasureCode) -> (Option<ReferenceRange>, &'static str, bool) {
    let open = Row {
        low: None,
        high: None,
        outside_low: None,
        outside_high: None,
        source: "",
        decides: false,
    };
    let (unit, row) = match code {
        MeasureCode::LungVolume => (
            "ml",
            Row {
                low: Some(2_500.0),
                high: Some(8_000.0),
                outside_low: Some(1_500.0),
                outside_high: Some(9_500.0),
                source: "total lung capacity of adults 4–8 l, on CT in supine inspiration about a fifth less: Stocks and Quanjer, \
                         Eur Respir J 1995;8:492; not corrected for height, sex and age",
                ..open
            },
        ),
        MeasureCode::SmallerLungShare => (
            "fraction",
            Row {
                low: Some(0.40),
                outside_low: Some(0.30),
                source: "the left lung holds about 45 % of both: Stocks and Quanjer, Eur Respir J 1995;8:492",
                ..open
            },
        ),
        MeasureCode::MeanDensity => (
            "HU",
            Row {
                low: Some(-900.0),
                high: Some(-750.0),
                outside_low: Some(-920.0),
                outside_high: Some(-650.0),
                source: "healthy never-smokers in full inspiration −850 ± 30 HU: Zach et al., Invest Radiol 2012;47:596",
                ..open
            },
        ),
        MeasureCode::Percentile15 => (
            "HU",
            Row {
                low: Some(-945.0),
                outside_low: Some(-955.0),
                source: "healthy never-smokers −910 ± 15 HU: Zach et al., Invest Radiol 2012;47:596",
                ..open
            },
        ),
        MeasureCode::LowAttenuation950 => (
            "fraction",
            Row {
                high: Some(0.06),
                outside_high: Some(0.14),
                source: "this project: norm studies up to 2 %; pathology from 14 % on, far beyond the 5 % from which quantitative CT \
                         says emphysema (Amaza et al., Int J Chron Obstruct Pulmon Dis 2021;16:1231)",
                decides: true,
                ..open
            },
        ),
        MeasureCode::LowAttenuation910 => (
            "fraction",
            Row {
                high: Some(0.35),
                outside_high: Some(0.50),
                source: "healthy never-smokers 15 ± 10 %: Zach et al., Invest Radiol 2012;47:596",
                ..open
            },
        ),
        MeasureCode::HighAttenuation => (
            "fraction",
            Row {
                high: Some(0.10),
                outside_high: Some(0.15),
                source: "upper tenth of a healthy population 10 %: Lederer et al., Am J Respir Crit Care Med 2009;180:407",
                ..open
            },
        ),
        MeasureCode::LargestOpacity => (
            "ml",
            Row {
                high: Some(10.0),
                outside_high: Some(15.0),
                source: "this project: norm studies up to 10 ml, pneumonias and effusions' collapsed lung from 21 ml on; in slices over \
                         3 mm what lies within 10 ml over the limit, or 20 with pixels over 1 mm, says nothing",
                decides: true,
                ..open
            },
        ),
        MeasureCode::OpacityVolume => (
            "ml",
            Row {
                high: Some(25.0),
                outside_high: Some(50.0),
                source: "this project: the norm studies at hand",
                ..open
            },
        ),
        MeasureCode::PleuralFluid => (
            "ml",
            Row {
                high: Some(15.0),
                outside_high: Some(50.0),
                source: "this project: norm studies 0 ml; pathology beyond the error of this measure, from 50 ml on; thin layers are \
                         measured too small; healthy 8.4 ± 4.3 ml a side (Noppen et al., Am J Respir Crit Care Med 2000;162:1023)",
                decides: true,
                ..open
            },
        ),
        MeasureCode::PleuralGas => (
            "ml",
            Row {
                high: Some(0.0),
                outside_high: Some(10.0),
                source: "this project: norm studies 0 ml; the healthy pleural space holds no gas; a layer thinner than 6 mm is not \
                         found, of a thin one only the thicker part",
                decides: true,
                ..open
            },
        ),
        MeasureCode::BloodPool => ("HU", open),
        MeasureCode::CardiothoracicRatio => (
            "fraction",
            Row {
                high: Some(0.50),
                outside_high: Some(0.55),
                source: "on radiographs a half is the usual limit; against MRI only over 0.55 is likely enlarged, and 0.45 to 0.55 says little \
                         (Simkus et al., Insights Imaging 2021;12:158, read in its abstract); here on CT, lying, without the fat around the heart",
                ..open
            },
        ),
        MeasureCode::TrabecularDensity => (
            "HU",
            Row {
                low: Some(163.5),
                outside_low: Some(132.3),
                source: "eighth thoracic vertebra, 1,236 adults from 50 on, against DXA: under 163.5 HU low bone mass, under 132.3 HU osteoporosis \
                         (Evaluating Bone Mass with Opportunistic Chest CT: T8 as the Optimal Vertebral Level, read in its abstract); \
                         another tube voltage than 120 kV moves it",
                ..open
            },
        ),
        MeasureCode::AorticCalcium => (
            "ml",
            Row {
                high: Some(0.0),
                outside_high: Some(0.5),
                source: "this project: what is denser than 130 HU in the wall on a grid of 2 mm; none, some (borderline) or much (over 0.5 ml); a \
                         grade and no score: the wall of the descending aorta alone, without a gate",
                ..open
            },
        ),
        MeasureCode::LungTexture => (
            "HU",
            Row {
                low: Some(18.0),
                outside_low: Some(14.0),
                source: "this project: six series, norm and not, 21 HU and more, also averaged to 6 mm or smoothed over 3.5 mm; lungs that were \
                         made by a program hold less",
                ..open
            },
        ),
    };
    let Row {
        low,
        high,
        outside_low,
        outside_high,
        source,
        decides,
    } = row;
    let range = (!source.is_empty()).then(|| ReferenceRange {
        low,
        high,
        outside_low,
        outside_high,
        source: if source.starts_with(OWN) {
            source.to_owned()
        } else {
            format!("{UNCHECKED}{source}")
        },
    });
    (range, unit, decides)
}

#[cfg(test)]
mod tests {
    use super::range_of;
    use crate::quantify::ALL;

    #[test]
    fn what_a_page_shows_of_a_range_is_one_line_of_words() {
        let ranges = ALL.into_iter().filter_map(|code| range_of(code).0);
        for range in ranges {
            let is_plain = !range.source.contains("  ") && !range.source.contains('\n');
            assert!(is_plain, "{}", range.source);
        }
    }
}
