//! What lies somewhere: measured findings, and where the models point.

use norma_domain::{
    LungSide, MeasuredFinding, PathologyType, PreparedSummary, Report, Verdict, VoxelBox, WindowLevel,
};

use crate::code::{Code, finding_code};
use crate::wording::Language;

/// Regions shown at most: a study with hundreds of components is diffuse.
const MOST: usize = 12;
const MILLILITRE: Code = Code::ucum("ml", "ml");
const HOUNSFIELD_UNIT: Code = Code::ucum("[hnsf'U]", "Hounsfield unit");
const MILLIMETRE: Code = Code::ucum("mm", "mm");
const DIAMETER: Code = Code::sct("81827009", "Diameter");
const VOLUME: Code = Code::sct("118565006", "Volume");
const ATTENUATION: Code = Code::dcm("112031", "Attenuation Coefficient");
const MEAN: Code = Code::sct("373098007", "Mean");

/// A number of a region.
pub(crate) struct RegionMeasure {
    pub(crate) name: Code,
    pub(crate) value: f64,
    pub(crate) unit: Code,
    /// How the number sums up the region, e.g. its mean.
    pub(crate) derivation: Option<Code>,
}

/// A box of the volume and what is in it.
pub(crate) struct Region<'a> {
    /// Names it within the analysis.
    pub(crate) identifier: String,
    pub(crate) finding: Code,
    pub(crate) side: Option<LungSide>,
    pub(crate) region: VoxelBox,
    /// The slice in which it is drawn.
    pub(crate) slice: usize,
    pub(crate) measures: Vec<RegionMeasure>,
    pub(crate) window: WindowLevel,
    measured: Option<&'a MeasuredFinding>,
}

impl Region<'_> {
    /// In words, for a legend: what, where, how large.
    pub(crate) fn words(&self, language: Language) -> String {
        match self.measured {
            None => language.pointed_at().to_owned(),
            Some(finding) => {
                let size = match finding.nodule {
                    Some(nodule) => {
                        format!("{:.0} {}", nodule.diameter_mm, language.choose("mm", "мм"))
                    }
                    None => format!("{:.1} {}", finding.volume_ml, language.choose("ml", "мл")),
                };
                format!(
                    "{}: {}, {size}, {:.0} HU{}",
                    language.pathology(finding.pathology),
                    language.place(finding.side, finding.third),
                    finding.mean_hu,
                    if finding.decides {
                        ""
                    } else {
                        language.choose(" (does not decide)", " (не решает)")
                    },
                )
            }
        }
    }
}

/// Names a measured finding within its analysis, by its index.
pub(crate) fn finding_identifier(index: usize) -> String {
    format!("finding-{}", index + 1)
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
        finding: finding_code(finding.pathology, Language::English.pathology(finding.pathology)),
        side: Some(finding.side),
        region: finding.region,
        slice: finding.key_slice,
        measures: finding
            .nodule
            .map(|nodule| RegionMeasure {
                name: DIAMETER,
                value: nodule.diameter_mm,
                unit: MILLIMETRE,
                derivation: None,
            })
            .into_iter()
            .chain([
                RegionMeasure {
                    name: VOLUME,
                    value: finding.volume_ml,
                    unit: MILLILITRE,
                    derivation: None,
                },
                RegionMeasure {
                    name: ATTENUATION,
                    value: finding.mean_hu,
                    unit: HOUNSFIELD_UNIT,
                    derivation: Some(MEAN),
                },
            ])
            .collect(),
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
