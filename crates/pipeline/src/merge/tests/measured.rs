//! What a preparation measured, made up.

use norma_domain::{Measure, MeasureCode, MeasureState, Quantification, ReferenceRange};

/// A measure of 0 to 15 in its unit.
pub(super) fn measure(code: MeasureCode, value: f64, state: MeasureState) -> Measure {
    Measure {
        code,
        unit: "ml".to_owned(),
        value: Some(value),
        by_side: Some([0.0, value]),
        by_third: None,
        range: Some(ReferenceRange {
            low: None,
            high: Some(10.0),
            outside_low: None,
            outside_high: Some(15.0),
            source: "a test".to_owned(),
        }),
        state,
        why: None,
        decides: true,
    }
}

/// All that norm needs, within its range.
pub(super) fn within() -> Quantification {
    let codes = [MeasureCode::LargestOpacity, MeasureCode::LowAttenuation950];
    Quantification {
        measures: codes
            .map(|code| measure(code, 4.0, MeasureState::Within))
            .to_vec(),
        nodules_sought: true,
        ..Quantification::default()
    }
}
