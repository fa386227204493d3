//! The bundle's file with the thresholds of a proposal.

use norma_accuracy::{Level, Proportion, ThresholdFit};
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
    let sources = match fitted {
        Some(held) => {
            let studies = held.sensitivity.trials() + held.specificity.trials();
            format!("{studies} labelled studies of the site")
        }
        None => format!("{} studies of the site without labels", profile.studies),
    };
    Some(ScannerThreshold {
        scanner: profile.scanner.clone(),
        threshold,
        sensitivity: fitted.map(|held| figure(held.sensitivity)),
        specificity: fitted.map(|held| figure(held.specificity)),
        measured_on: MeasuredOn {
            sources: vec![sources],
            // What was bounded without labels rests on an assumption: that verifies nothing.
            scanners: fitted.map(|_| profile.scanner.clone()).into_iter().collect(),
        },
    })
}

fn figure(proportion: Proportion) -> Figure {
    Figure {
        value: proportion.value(),
        ci95: proportion
            .interval(Level::NINETY_FIVE)
            .map(|interval| interval.map(Some)),
    }
}
