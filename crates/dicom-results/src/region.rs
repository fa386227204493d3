//! What lies somewhere: measured findings, and where the models point.

use norma_domain::{
    LungSide, MeasuredFinding, PathologyType, PreparedSummary, Report, Verdict, VoxelBox, WindowLevel,
};

use crate::code::{Code, finding_concept};
use crate::finding::{FindingMeasure, finding_identifier, finding_measures, finding_words};
use crate::wording::Language;

/// Regions shown at most: a study with hundreds of components is diffuse.
const MOST: usize = 12;

/// A box of the volume and what is in it.
pub(crate) struct Region<'a> {
    /// Names it within the analysis.
    pub(crate) identifier: String,
    pub(crate) finding: Code,
    pub(crate) side: Option<LungSide>,
    pub(crate) region: VoxelBox,
    /// The slice in which it is drawn.
    pub(crate) slice: usize,
    pub(crate) measures: Vec<FindingMeasure>,
    pub(crate) window: WindowLevel,
    measured: Option<&'a MeasuredFinding>,
}

impl Region<'_> {
    /// In words, for a legend: what, where, how large.
    pub(crate) fn words(&self, language: Language) -> String {
        match self.measured {
            None => language.pointed_at().to_owned(),
            Some(finding) => finding_words(finding, language),
        }
    }
}

/// The regions of an analysis, measured findings first. None of what models point at where the verdict is norm: it is
/// the highest of scores that mean nothing there.
pub(crate) fn regions<'a>(report: &Report, prepared: &'a PreparedSummary) -> Vec<Region<'a>> {
    let findings = prepared
        .quantification
        .iter()
        .flat_map(|quantification| &quantification.findings);
    let measured = findings.zip(0..).map(|(finding, number)| Region {
        identifier: finding_identifier(number),
        finding: finding_concept(finding.pathology),
        side: Some(finding.side),
        region: finding.region,
        slice: finding.key_slice,
        measures: finding_measures(finding),
        window: match finding.pathology {
            PathologyType::PleuralEffusion | PathologyType::PericardialEffusion => WindowLevel::MEDIASTINUM,
            _ => WindowLevel::LUNG,
        },
        measured: Some(finding),
    });
    let pointed_at = report
        .localization
        .filter(|_| report.verdict != Verdict::Norm)
        .map(|region| Region {
            identifier: "models-1".to_owned(),
            finding: Code::own("region", Language::English.pointed_at()),
            side: None,
            slice: slice_of(report, region),
            region,
            measures: Vec::new(),
            window: WindowLevel::LUNG,
            measured: None,
        });
    measured.take(MOST).chain(pointed_at).collect()
}

/// The key slice with the highest score within the box, else its middle.
fn slice_of(report: &Report, region: VoxelBox) -> usize {
    report
        .key_slices
        .iter()
        .filter(|key| (region.z_min..=region.z_max).contains(&key.slice))
        .max_by(|one, other| one.score.total_cmp(&other.score))
        .map_or(usize::midpoint(region.z_min, region.z_max), |key| key.slice)
}
