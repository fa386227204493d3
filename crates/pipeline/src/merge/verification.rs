//! Whether the operating point was measured on the study's scanner.

use norma_domain::{OperatingPoint, Reason, ReasonCode, ScannerProfile, StudySummary, ThresholdVerification};
use norma_inference::Bundle;

/// A threshold is verified where the bundle says that this very operating point was measured on the study's scanner profile; not
/// where the files tell no profile.
pub(super) fn verification(
    study: &StudySummary,
    bundle: &Bundle,
    operating_point: &OperatingPoint,
) -> ThresholdVerification {
    let scanner = ScannerProfile::of_study(study);
    let measured_on = bundle
        .operating_points()
        .iter()
        .find(|point| point.name == operating_point.name && point.threshold == operating_point.threshold)
        .and_then(|point| point.measured_on.clone())
        .unwrap_or_default();
    let verified = scanner
        .as_ref()
        .is_some_and(|scanner| measured_on.scanners.contains(scanner));
    ThresholdVerification {
        verified,
        reason: (!verified).then(|| unverified(scanner.as_ref())),
        scanner,
        measured_on: measured_on.sources,
    }
}

fn unverified(scanner: Option<&ScannerProfile>) -> Reason {
    let message = match scanner {
        Some(scanner) => format!("threshold not verified on this scanner: {scanner}"),
        None => "threshold not verified on this scanner, which the files do not name in full".to_owned(),
    };
    Reason::new(ReasonCode::ThresholdUnverified, message)
}
