use std::fmt;

use norma_domain::{AnalysisId, ScanId, Stage};
use object_store::path::Path;

/// What an object is; where it lies follows from that. Keys hold identifiers only, never a name from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKey {
    /// The upload of a scan as it came: `originals/{scan}`.
    Original(ScanId),
    /// Where the instances of a scan's original lie and what their headers say: `instances/{scan}`. Made anew where it is
    /// missing.
    Instances(ScanId),
    /// What the models read: `analyses/{analysis}/slices.bin`.
    PreparedSlices(AnalysisId),
    /// The volume in Hounsfield units, slice by slice: `analyses/{analysis}/volume.bin`.
    PreparedVolume(AnalysisId),
    /// The lungs and the findings, voxel by voxel: `analyses/{analysis}/masks.bin`. Analyses from before have none.
    SegmentMasks(AnalysisId),
    /// What was found in a study that failed although its volume could be read: `analyses/{analysis}/summary.json`.
    RefusedSummary(AnalysisId),
    /// What graphs said of the prepared slices that the models of a stage read: `analyses/{analysis}/outputs/{stage}.bin`. Not
    /// needed: a stage that does not find it runs the graphs itself. It goes when the stage has its outcome.
    KnownOutputs(AnalysisId, Stage),
    /// The map of a stage: `analyses/{analysis}/maps/{stage}.bin`.
    StageMap(AnalysisId, Stage),
}

impl ObjectKey {
    pub(crate) fn path(self) -> Path {
        match self {
            Self::Original(scan) => Path::from_iter(["originals".to_owned(), scan.to_string()]),
            Self::Instances(scan) => Path::from_iter(["instances".to_owned(), scan.to_string()]),
            Self::PreparedSlices(analysis) => analysis_folder(analysis).join("slices.bin"),
            Self::PreparedVolume(analysis) => analysis_folder(analysis).join("volume.bin"),
            Self::SegmentMasks(analysis) => analysis_folder(analysis).join("masks.bin"),
            Self::RefusedSummary(analysis) => analysis_folder(analysis).join("summary.json"),
            Self::KnownOutputs(analysis, stage) => analysis_folder(analysis)
                .join("outputs")
                .join(format!("{stage}.bin")),
            Self::StageMap(analysis, stage) => analysis_folder(analysis)
                .join("maps")
                .join(format!("{stage}.bin")),
        }
    }

    /// The scan that it is the original of.
    pub fn scan(self) -> Option<ScanId> {
        match self {
            Self::Original(scan) => Some(scan),
            Self::Instances(_)
            | Self::PreparedSlices(_)
            | Self::PreparedVolume(_)
            | Self::SegmentMasks(_)
            | Self::RefusedSummary(_)
            | Self::KnownOutputs(..)
            | Self::StageMap(..) => None,
        }
    }

    /// The analysis that it belongs to.
    pub fn analysis(self) -> Option<AnalysisId> {
        match self {
            Self::Original(_) | Self::Instances(_) => None,
            Self::PreparedSlices(analysis)
            | Self::PreparedVolume(analysis)
            | Self::SegmentMasks(analysis)
            | Self::RefusedSummary(analysis)
            | Self::KnownOutputs(analysis, _)
            | Self::StageMap(analysis, _) => Some(analysis),
        }
    }

    /// The key whose path this is; None for an object that is not Norma's.
    pub(crate) fn from_path(path: &Path) -> Option<Self> {
        let parts: Vec<_> = path.parts().collect();
        let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        match parts.as_slice() {
            ["originals", scan] => Some(Self::Original(scan.parse().ok()?)),
            ["instances", scan] => Some(Self::Instances(scan.parse().ok()?)),
            ["analyses", analysis, "slices.bin"] => Some(Self::PreparedSlices(analysis.parse().ok()?)),
            ["analyses", analysis, "volume.bin"] => Some(Self::PreparedVolume(analysis.parse().ok()?)),
            ["analyses", analysis, "masks.bin"] => Some(Self::SegmentMasks(analysis.parse().ok()?)),
            ["analyses", analysis, "summary.json"] => Some(Self::RefusedSummary(analysis.parse().ok()?)),
            ["analyses", analysis, "outputs", outputs] => {
                let stage = outputs.strip_suffix(".bin")?.parse().ok()?;
                Some(Self::KnownOutputs(analysis.parse().ok()?, stage))
            }
            ["analyses", analysis, "maps", map] => {
                let stage = map.strip_suffix(".bin")?.parse().ok()?;
                Some(Self::StageMap(analysis.parse().ok()?, stage))
            }
            _ => None,
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().fmt(formatter)
    }
}

/// Everything of one analysis lies below this.
pub(crate) fn analysis_folder(analysis: AnalysisId) -> Path {
    Path::from_iter(["analyses".to_owned(), analysis.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_its_path() {
        let (scan, analysis) = (ScanId::generate(), AnalysisId::generate());
        for key in [
            ObjectKey::Original(scan),
            ObjectKey::Instances(scan),
            ObjectKey::PreparedSlices(analysis),
            ObjectKey::PreparedVolume(analysis),
            ObjectKey::SegmentMasks(analysis),
            ObjectKey::RefusedSummary(analysis),
            ObjectKey::KnownOutputs(analysis, Stage::Classifier),
            ObjectKey::StageMap(analysis, Stage::Anomaly),
        ] {
            assert_eq!(ObjectKey::from_path(&key.path()), Some(key), "{key}");
        }
        assert_eq!(ObjectKey::Original(scan).to_string(), format!("originals/{scan}"));
        for text in [
            "originals",
            "originals/study.zip",
            "analyses/1/slices.bin",
            "checks/write",
        ] {
            assert_eq!(ObjectKey::from_path(&Path::from(text)), None, "{text}");
        }
    }
}
