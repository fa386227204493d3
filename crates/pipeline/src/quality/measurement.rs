use norma_domain::{QualityCheck, QualityConsequence, ReasonCode};

/// A check before its consequence is known to matter.
pub(super) struct Measurement {
    pub(super) code: ReasonCode,
    pub(super) passed: bool,
    pub(super) measured: Option<f64>,
    pub(super) limit: Option<f64>,
    pub(super) unit: &'static str,
}

impl Measurement {
    pub(super) fn at_most(code: ReasonCode, measured: f64, limit: f64, unit: &'static str) -> Self {
        Self {
            code,
            // A value that is no number passes nothing.
            passed: measured <= limit,
            measured: measured.is_finite().then_some(measured),
            limit: Some(limit),
            unit,
        }
    }

    pub(super) fn at_least(code: ReasonCode, measured: f64, limit: f64, unit: &'static str) -> Self {
        Self {
            passed: measured >= limit,
            ..Self::at_most(code, measured, limit, unit)
        }
    }

    pub(super) fn yes(code: ReasonCode, passed: bool) -> Self {
        Self {
            code,
            passed,
            measured: None,
            limit: None,
            unit: "",
        }
    }

    pub(super) fn or(self, consequence: QualityConsequence, passed: &str, otherwise: &str) -> QualityCheck {
        QualityCheck {
            code: self.code,
            passed: self.passed,
            measured: self.measured,
            limit: self.limit,
            unit: self.unit.to_owned(),
            consequence,
            message: if self.passed { passed } else { otherwise }.to_owned(),
        }
    }
}
