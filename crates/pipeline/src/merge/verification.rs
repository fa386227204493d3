//! Whether the operating point was measured on the study's scanner.

use norma_domain::{OperatingPoint, Reason, ReasonCode, ScannerProfile, StudySummary, ThresholdVerification};
use norma_inference::Bundle;

/// The operating point with the threshold that the study is held to, and whether that is verified: where the bundle says that this very
/// threshold was measured on the study's scanner profile; not where the files tell no profile.
pub(super) fn on_scanner(
    study: &StudySummary,
    bundle: &Bundle,
    asked: &OperatingPoint,
) -> (OperatingPoint, ThresholdVerification) {
    let scanner = ScannerProfile::of_study(study);
    let figures = bundle
        .figures_of(&asked.name)
        .filter(|point| point.threshold == asked.threshold);
    let own = figures.and_then(|point| point.own_threshold(scanner.as_ref()));
    let measured_on = match own {
        Some(own) => own.measured_on.clone(),
        None => figures
            .and_then(|point| point.measured_on.clone())
            .unwrap_or_default(),
    };
    let verified = scanner
        .as_ref()
        .is_some_and(|scanner| measured_on.scanners.contains(scanner));
    let used = OperatingPoint {
        name: asked.name.clone(),
        threshold: own.map_or(asked.threshold, |own| own.threshold),
    };
    let verification = ThresholdVerification {
        verified,
        own_threshold: own.is_some(),
        reason: (!verified).then(|| unverified(scanner.as_ref())),
        scanner,
        measured_on: measured_on.sources,
    };
    (used, verification)
}

fn unverified(scanner: Option<&ScannerProfile>) -> Reason {
    let message = match scanner {
        Some(scanner) => format!("threshold not verified on this scanner: {scanner}"),
        None => "threshold not verified on this scanner, which the files do not name in full".to_owned(),
    };
    Reason::new(ReasonCode::ThresholdUnverified, message)
}
