//! What was measured of the chest in Hounsfield units, and what of it lies outside its range.

use serde::{Deserialize, Serialize};

use crate::{LungSide, LungThird, NoduleDetail, VoxelBox};

/// What was measured. The code is stable; its words live with the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum MeasureCode {
    /// Volume of both lungs, vessels included.
    LungVolume,
    /// The smaller lung's share of both.
    SmallerLungShare,
    /// Mean density of the lungs without their rim.
    MeanDensity,
    /// The density below which 15 % of the lungs lie.
    Percentile15,
    /// Share of the lungs below −950 HU.
    LowAttenuation950,
    /// Share of the lungs below −910 HU.
    LowAttenuation910,
    /// Share of the lungs within −600..−250 HU, vessels included.
    HighAttenuation,
    /// The largest connected opacity of −700..−300 HU once what is narrower than 12 mm was removed.
    LargestOpacity,
    /// All such opacities of at least a millilitre.
    OpacityVolume,
    /// Fluid between lung and ribs.
    PleuralFluid,
    /// Gas between lung and ribs.
    PleuralGas,
    /// Density of the blood in heart and great vessels.
    BloodPool,
    /// Largest width of the heart by that of the chest inside the ribs.
    CardiothoracicRatio,
    /// Density of the trabecular bone of the middle thoracic vertebrae.
    TrabecularDensity,
    /// Calcium in the wall of the descending aorta.
    AorticCalcium,
    /// How much the density of the lungs differs over 4 mm, beyond noise: what vessels too small to be seen one by one make of it.
    LungTexture,
}

impl MeasureCode {
    /// The pathology type that a value outside the range shows.
    pub const fn shows(self) -> Option<PathologyType> {
        match self {
            Self::LowAttenuation950 => Some(PathologyType::Emphysema),
            Self::LargestOpacity => Some(PathologyType::LungOpacity),
            Self::PleuralFluid => Some(PathologyType::PleuralEffusion),
            Self::PleuralGas => Some(PathologyType::Pneumothorax),
            Self::CardiothoracicRatio => Some(PathologyType::Cardiomegaly),
            Self::AorticCalcium => Some(PathologyType::ArterialWallCalcification),
            _ => None,
        }
    }
}

/// How a value stands to its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum MeasureState {
    Within,
    /// Between the range's end and the value from which on it is pathology.
    Borderline,
    Outside,
    NotMeasurable,
    /// A value without a range: it says how the study was made.
    Described,
}

/// Why something could not be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum NotMeasurable {
    /// No lungs, or only parts too small to measure in.
    NoLungs,
    /// The slices are too thick or too far apart.
    SlicesTooThick,
    /// The ribs were not found all around, so that nobody knows where the pleural space ends.
    NoRibs,
    /// Contrast in the pulmonary vessels raises the density of the lungs.
    Contrast,
    /// The lungs hold too little air: what is collapsed by expiration looks like an opacity.
    ShallowInspiration,
    /// The place where it would be seen is too small.
    TooSmall,
    /// Bullae of an emphysema look the same.
    Emphysema,
    /// Noise, or the noise that a sharp kernel brings, may have moved it over the limit.
    Noise,
    /// Fluid or tissue beside it hides its border.
    Obscured,
    /// The pixels are so coarse that what lies beside lung or vessels is averaged with them, or that a sharp kernel hides it.
    CoarsePixels,
    /// The values were cut off below what would be measured.
    ValuesClipped,
    /// A thin layer along the back, as lung that lies on itself has.
    DependentLayer,
}

/// The range within which a measure is norm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReferenceRange {
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Below `low` or above `high`, up to these, it is borderline.
    pub outside_low: Option<f64>,
    pub outside_high: Option<f64>,
    /// Where the range comes from.
    pub source: String,
}

impl ReferenceRange {
    /// How a value stands to the range. A value that is no number is not within it.
    pub fn state_of(&self, value: f64) -> MeasureState {
        let beyond = |low: Option<f64>, high: Option<f64>| {
            low.is_some_and(|low| value < low) || high.is_some_and(|high| value > high)
        };
        if !value.is_finite() {
            MeasureState::NotMeasurable
        } else if beyond(self.outside_low, self.outside_high) {
            MeasureState::Outside
        } else if beyond(self.low, self.high) {
            MeasureState::Borderline
        } else {
            MeasureState::Within
        }
    }
}

/// One measure with its range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Measure {
    pub code: MeasureCode,
    /// `ml`, `HU` or `fraction`.
    pub unit: String,
    /// Of both sides together, but for pleural fluid and gas, where it is the side with more.
    pub value: Option<f64>,
    /// The patient's right, then left.
    pub by_side: Option<[f64; 2]>,
    /// Lower, middle and upper third of the lungs' height.
    pub by_third: Option<[f64; 3]>,
    pub range: Option<ReferenceRange>,
    pub state: MeasureState,
    /// Only where the state is not measurable.
    pub why: Option<NotMeasurable>,
    /// Whether a value outside its range is pathology by itself.
    pub decides: bool,
}

impl Measure {
    fn is_pathology(&self) -> bool {
        self.decides && self.state == MeasureState::Outside
    }
}

/// What a measured finding is, by the types that models name as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PathologyType {
    ArterialWallCalcification,
    Atelectasis,
    Bronchiectasis,
    Cardiomegaly,
    Consolidation,
    CoronaryArteryWallCalcification,
    Emphysema,
    HiatalHernia,
    LungNodule,
    LungOpacity,
    Lymphadenopathy,
    MosaicAttenuationPattern,
    PeribronchialThickening,
    PericardialEffusion,
    PleuralEffusion,
    PulmonaryFibroticSequela,
    Pneumothorax,
}

impl PathologyType {
    pub const ALL: [Self; 17] = [
        Self::ArterialWallCalcification,
        Self::Atelectasis,
        Self::Bronchiectasis,
        Self::Cardiomegaly,
        Self::Consolidation,
        Self::CoronaryArteryWallCalcification,
        Self::Emphysema,
        Self::HiatalHernia,
        Self::LungNodule,
        Self::LungOpacity,
        Self::Lymphadenopathy,
        Self::MosaicAttenuationPattern,
        Self::PeribronchialThickening,
        Self::PericardialEffusion,
        Self::PleuralEffusion,
        Self::PulmonaryFibroticSequela,
        Self::Pneumothorax,
    ];

    /// The name that manifests use as a label's key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ArterialWallCalcification => "arterial_wall_calcification",
            Self::Atelectasis => "atelectasis",
            Self::Bronchiectasis => "bronchiectasis",
            Self::Cardiomegaly => "cardiomegaly",
            Self::Consolidation => "consolidation",
            Self::CoronaryArteryWallCalcification => "coronary_artery_wall_calcification",
            Self::Emphysema => "emphysema",
            Self::HiatalHernia => "hiatal_hernia",
            Self::LungNodule => "lung_nodule",
            Self::LungOpacity => "lung_opacity",
            Self::Lymphadenopathy => "lymphadenopathy",
            Self::MosaicAttenuationPattern => "mosaic_attenuation_pattern",
            Self::PeribronchialThickening => "peribronchial_thickening",
            Self::PericardialEffusion => "pericardial_effusion",
            Self::PleuralEffusion => "pleural_effusion",
            Self::PulmonaryFibroticSequela => "pulmonary_fibrotic_sequela",
            Self::Pneumothorax => "pneumothorax",
        }
    }
}

/// A component that was found and measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MeasuredFinding {
    pub pathology: PathologyType,
    pub side: LungSide,
    /// The third that holds its middle.
    pub third: LungThird,
    pub volume_ml: f64,
    pub mean_hu: f64,
    /// In voxels of the volume.
    pub region: VoxelBox,
    /// The slice in which it is largest.
    pub key_slice: usize,
    /// Whether it is pathology by itself.
    pub decides: bool,
    /// Of nodules and masses only.
    #[serde(default)]
    pub nodule: Option<NoduleDetail>,
}

/// How a pathology type was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LookedFor {
    Measured,
    Learnt,
    Both,
    NotLookedFor,
}

/// A pathology type and how it was looked for in this study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TypeCoverage {
    pub pathology: PathologyType,
    pub looked_for: LookedFor,
}

/// All that was measured of a study.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quantification {
    pub measures: Vec<Measure>,
    /// The largest of each pathology first.
    pub findings: Vec<MeasuredFinding>,
    /// Whether the volume was fine enough to look for nodules.
    #[serde(default)]
    pub nodules_sought: bool,
    pub duration_ms: u64,
}

impl Quantification {
    pub fn measure(&self, code: MeasureCode) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.code == code)
    }

    /// A pathology type that was measured here: the measure that would show it exists and could be taken.
    pub fn has_looked_for(&self, pathology: PathologyType) -> bool {
        if pathology == PathologyType::LungNodule {
            return self.nodules_sought;
        }
        self.measures
            .iter()
            .filter(|measure| measure.state != MeasureState::NotMeasurable)
            .any(|measure| measure.code.shows() == Some(pathology))
    }

    /// Measures outside their range that are pathology by themselves.
    pub fn deciding(&self) -> impl Iterator<Item = &Measure> {
        self.measures.iter().filter(|measure| measure.is_pathology())
    }

    /// Whether what was measured is pathology, whatever the models say.
    pub fn is_pathology(&self) -> bool {
        show_pathology(&self.measures, &self.findings)
    }
}

/// Whether a measure outside its range, or a nodule, decides for pathology.
pub(crate) fn show_pathology(measures: &[Measure], findings: &[MeasuredFinding]) -> bool {
    let mut nodules = findings.iter().filter(|finding| finding.nodule.is_some());
    measures.iter().any(Measure::is_pathology) || nodules.any(|nodule| nodule.decides)
}

/// What a verdict of pathology rests on, the weightiest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Ground {
    /// A measured component: "lung opacity, right lower third, 34 ml".
    Finding { finding: MeasuredFinding },
    /// A measure outside its range.
    Measure {
        code: MeasureCode,
        value: f64,
        unit: String,
        limit: f64,
    },
    /// The models' probability reaches the operating point's threshold.
    Score { probability: f64, threshold: f64 },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_to_its_range() {
        let range = ReferenceRange {
            low: None,
            high: Some(10.0),
            outside_low: None,
            outside_high: Some(15.0),
            source: String::new(),
        };
        for (value, state) in [
            (0.0, MeasureState::Within),
            (10.0, MeasureState::Within),
            (10.1, MeasureState::Borderline),
            (15.0, MeasureState::Borderline),
            (15.1, MeasureState::Outside),
            (f64::NAN, MeasureState::NotMeasurable),
            (f64::INFINITY, MeasureState::NotMeasurable),
        ] {
            assert_eq!(range.state_of(value), state, "{value}");
        }
    }

    #[test]
    fn a_type_reads_as_it_is_written() {
        for pathology in PathologyType::ALL {
            let json = serde_json::to_value(pathology).unwrap();
            assert_eq!(json, pathology.as_str());
        }
    }
}
