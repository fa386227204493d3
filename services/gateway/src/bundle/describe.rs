//! The bundle as the client sees it.

use norma_domain::Stage;
use norma_inference::{Bundle, Figure, ScannerThreshold};

use crate::bundle::schema::{
    BundleDescription, Estimate, LabelDescription, ModelDescription, OperatingPointDescription,
    ScannerThresholdDescription,
};

/// What clients may know of a bundle: everything but where it lies.
pub(crate) fn describe_bundle(bundle: &Bundle) -> BundleDescription {
    let reference = bundle.reference();
    BundleDescription {
        name: reference.name.clone(),
        version: reference.version.clone(),
        sha256: reference.sha256.clone(),
        default_operating_point: bundle.default_operating_point().name.0,
        operating_points: bundle
            .operating_points()
            .iter()
            .map(|point| {
                let measured_on = point.measured_on.clone().unwrap_or_default();
                OperatingPointDescription {
                    name: point.name.0.clone(),
                    threshold: point.threshold,
                    sensitivity: point.sensitivity.and_then(estimate),
                    specificity: point.specificity.and_then(estimate),
                    measured_on: measured_on.sources,
                    verified_on: measured_on.scanners,
                    by_scanner: point.by_scanner.iter().map(of_scanner).collect(),
                }
            })
            .collect(),
        models: Stage::MODELS
            .into_iter()
            .flat_map(|stage| models_of(bundle, stage))
            .collect(),
    }
}

fn of_scanner(own: &ScannerThreshold) -> ScannerThresholdDescription {
    ScannerThresholdDescription {
        scanner: own.scanner.clone(),
        threshold: own.threshold,
        sensitivity: own.sensitivity.and_then(estimate),
        specificity: own.specificity.and_then(estimate),
        measured_on: own.measured_on.sources.clone(),
        verified: own.measured_on.scanners.contains(&own.scanner),
    }
}

fn models_of(bundle: &Bundle, stage: Stage) -> Vec<ModelDescription> {
    let models = bundle.models_of(stage).into_iter();
    models
        .map(|model| ModelDescription {
            stage,
            name: model.manifest.name.clone(),
            version: model.manifest.version.clone(),
            sha256: model.manifest.sha256.clone(),
            labels: model
                .manifest
                .labels
                .iter()
                .map(|label| LabelDescription {
                    key: label.key.clone(),
                    name_en: label.en.clone(),
                    name_ru: label.ru.clone(),
                    threshold: label.threshold.value(),
                })
                .collect(),
        })
        .collect()
}

/// None where nothing was measured.
fn estimate(figure: Figure) -> Option<Estimate> {
    let ci95 = match figure.ci95 {
        Some([Some(low), Some(high)]) => Some([low, high]),
        _ => None,
    };
    Some(Estimate {
        value: figure.value?,
        ci95,
    })
}
