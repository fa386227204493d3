use norma_domain::{AnalysisId, QualityCheck, ScanId, SliceReference, Stage, StudySummary};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a viewer needs to know of a volume before it asks for slices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VolumeDescription {
    pub scan_id: ScanId,
    /// The analysis that prepared the volume. Give it as `analysis_id` to slices and maps: those answers never
    /// change.
    pub analysis_id: AnalysisId,
    /// Geometry (axes z, y, x; LPS), scanner, chosen series.
    pub study: StudySummary,
    /// Each slice of the volume with its SOP Instance UID, ascending.
    pub slices: Vec<SliceReference>,
    /// Slices given to the models, ascending.
    pub selected_slices: Vec<usize>,
    /// First and last slice with lung, null without lungs.
    pub lung_extent: Option<[usize; 2]>,
    pub lung_volume_ml: f64,
    pub quality: Vec<QualityCheck>,
    /// Stages that left a map.
    pub heatmaps: Vec<Stage>,
    /// Windows that `slices/{slice}.png?window=` knows by name.
    pub windows: Vec<WindowPreset>,
    /// How the numbers of a slice are written: `int16le`, row by row, Hounsfield units.
    #[schema(example = "int16le")]
    pub pixel_format: String,
    /// With `{n}` to be replaced: int16 HU.
    pub slice_href: String,
    /// With `{n}` and `{stage}` to be replaced: one byte per pixel.
    pub heatmap_href: String,
}

/// A named window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WindowPreset {
    #[schema(example = "lung")]
    pub name: String,
    /// HU.
    pub center: f64,
    /// HU.
    pub width: f64,
}
