//! The bundle's file with the thresholds of a proposal.

use norma_accuracy::{Level, Proportion, SensitivityThreshold, ThresholdFit};
use norma_domain::{OperatingPointName, Probability};
use norma_inference::{Bundle, BundleFile, Figure, MeasuredOn, ScannerThreshold};

use super::document::{ProfileProposal, Proposal};

/// Name of the operating point that holds a site's own thresholds.
pub const SITE_POINT: &str = "site";

impl Proposal {
    /// The file of the bundle that it was measured against, with an operating point of this name as the default one: the one in use, with
    /// the proposed thresholds for their scanners. None where no threshold is proposed, or the bundle is another one.
    pub fn bundle_file(&self, bundle: &Bundle, name: &str) -> Option<BundleFile> {
        let in_use = bundle.figures_of(&self.operating_point_in_use.name)?;
        if *bundle.reference() != self.bundle || !self.proposes() {
            return None;
        }
        let own = self.profiles.iter().filter_map(scanner_threshold).collect();
        let point = in_use.with_scanner_thresholds(OperatingPointName(name.to_owned()), own);
        Some(bundle.file().with_site_point(point))
    }
}

fn scanner_threshold(profile: &ProfileProposal) -> Option<ScannerThreshold> {
    let threshold = Probability::new(profile.threshold?).ok()?;
    let fitted = profile
        .labelled
        .as_ref()
        .and_then(|labelled| match &labelled.fit {
            ThresholdFit::Holds(held) => Some(held),
            ThresholdFit::NotEnoughCases { .. } => None,
        });
    let measured = fitted.map(MeasuredFigures::of);
    let sources = match &measured {
        Some(measured) => measured.sources.clone(),
        None => format!("{} studies of the site without labels", profile.studies),
    };
    Some(ScannerThreshold {
        scanner: profile.scanner.clone(),
        threshold,
        sensitivity: measured.as_ref().map(|measured| measured.sensitivity),
        specificity: measured.as_ref().map(|measured| measured.specificity),
        measured_on: MeasuredOn {
            sources: vec![sources],
            // What was bounded without labels rests on an assumption: that verifies nothing.
            scanners: fitted.map(|_| profile.scanner.clone()).into_iter().collect(),
        },
    })
}

/// What a site's labelled studies say at a threshold, as a bundle writes it down.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredFigures {
    pub sensitivity: Figure,
    pub specificity: Figure,
    pub sources: String,
}

impl MeasuredFigures {
    pub fn of(held: &SensitivityThreshold) -> Self {
        let studies = held.sensitivity.trials() + held.specificity.trials();
        Self {
            sensitivity: figure(held.sensitivity),
            specificity: figure(held.specificity),
            sources: format!("{studies} labelled studies of the site"),
        }
    }
}

fn figure(proportion: Proportion) -> Figure {
    Figure {
        value: proportion.value(),
        ci95: proportion
            .interval(Level::NINETY_FIVE)
            .map(|interval| interval.map(Some)),
    }
}
