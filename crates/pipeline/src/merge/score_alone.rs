//! Whether the models' score may say pathology by itself.
//!
//! On a scanner that nothing was fitted on the score ranks studies, and its thresholds mean little (models/RESULTS.md, sources left out); of what is no
//! chest of a person it means nothing. What is measured in Hounsfield units crosses scanners by physics.

use norma_domain::{MeasureCode, MeasureState, Quantification, Reason, ReasonCode, ThresholdVerification};
use norma_inference::Bundle;

/// A score alone is held against all of these: each was measured and lies within its range.
const WITHIN: [MeasureCode; 4] = [
    MeasureCode::LargestOpacity,
    MeasureCode::LowAttenuation950,
    MeasureCode::PleuralFluid,
    MeasureCode::PleuralGas,
];
/// And these were measured and are not outside: of one norm volume all opacities together are borderline.
const NOT_OUTSIDE: [MeasureCode; 2] = [MeasureCode::OpacityVolume, MeasureCode::HighAttenuation];
/// And against no nodule that decides nothing by itself, but speaks for what the score says: the likeliest of the norm volumes reaches 0.79, of what is as
/// large as a mass 0.54, and 0.74 where a program drew a pulmonary artery.
const SUPPORTING_SCORE: f64 = 0.80;
const SUPPORTING_SCORE_OF_MASS: f64 = 0.75;
const MASS_MM: f64 = 20.0;

/// That the study is unlike every chest that the bundle knows, with the measure that says so. A bundle that was fitted to a site's norm knows what that site has.
pub(super) fn unlike_known(quantification: Option<&Quantification>, bundle: &Bundle) -> Option<Reason> {
    let texture = quantification?.measure(MeasureCode::LungTexture)?;
    let (value, least) = (texture.value?, texture.range.as_ref()?.low?);
    (texture.state == MeasureState::Outside && !knows_site(bundle)).then(|| {
        let message = format!(
            "unlike what Norma knows: the density of the lungs differs by {value:.0} HU over 4 mm, by {least:.0} HU and more in every chest that is known"
        );
        Reason::new(ReasonCode::UnlikeKnown, message)
    })
}

/// That nothing speaks for pathology but a score whose threshold was not verified on the study's scanner, where all that was measured speaks for norm.
pub(super) fn unsupported(
    quantification: Option<&Quantification>,
    verification: &ThresholdVerification,
    bundle: &Bundle,
) -> Option<Reason> {
    let measured = quantification?;
    let is_in = |codes: &[MeasureCode], states: &[MeasureState]| {
        codes.iter().all(|code| {
            measured
                .measure(*code)
                .is_some_and(|measure| states.contains(&measure.state))
        })
    };
    let speaks_for_norm = measured.nodules_sought
        && is_in(&WITHIN, &[MeasureState::Within])
        && is_in(&NOT_OUTSIDE, &[MeasureState::Within, MeasureState::Borderline])
        && !has_supporting_nodule(measured);
    (speaks_for_norm && !verification.verified && !knows_site(bundle)).then(|| {
        Reason::new(
            ReasonCode::ScoreAlone,
            "the models' score alone speaks for pathology, by a threshold that is not verified on this scanner; everything that was measured lies within its range",
        )
    })
}

fn has_supporting_nodule(measured: &Quantification) -> bool {
    let mut nodules = measured
        .findings
        .iter()
        .filter_map(|finding| finding.nodule.as_ref());
    nodules.any(|nodule| {
        let least = if nodule.diameter_mm >= MASS_MM {
            SUPPORTING_SCORE_OF_MASS
        } else {
            SUPPORTING_SCORE
        };
        nodule.score >= least
    })
}

/// Whether the classifier's score was fitted to a site's own norm.
fn knows_site(bundle: &Bundle) -> bool {
    bundle.file().classifier_scaling.is_some()
}
