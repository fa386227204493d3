use norma_domain::{AnalysisId, Reason, ScanId, Stage};

/// A fact that the next stage of the line acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    AnalyzeRequested {
        analysis_id: AnalysisId,
        scan_id: ScanId,
    },
    StudyPrepared {
        analysis_id: AnalysisId,
        scan_id: ScanId,
    },
    StageCompleted {
        analysis_id: AnalysisId,
        scan_id: ScanId,
        stage: Stage,
    },
    StageFailed {
        analysis_id: AnalysisId,
        scan_id: ScanId,
        stage: Stage,
        reason: Reason,
    },
}

impl Message {
    pub const fn analysis_id(&self) -> AnalysisId {
        match self {
            Self::AnalyzeRequested { analysis_id, .. }
            | Self::StudyPrepared { analysis_id, .. }
            | Self::StageCompleted { analysis_id, .. }
            | Self::StageFailed { analysis_id, .. } => *analysis_id,
        }
    }

    pub const fn scan_id(&self) -> ScanId {
        match self {
            Self::AnalyzeRequested { scan_id, .. }
            | Self::StudyPrepared { scan_id, .. }
            | Self::StageCompleted { scan_id, .. }
            | Self::StageFailed { scan_id, .. } => *scan_id,
        }
    }

    /// The key by which a topic exchange finds the queues: words from the general to the particular,
    /// e.g. `stage.completed.anomaly`.
    pub fn routing_key(&self) -> String {
        match self {
            Self::AnalyzeRequested { .. } => "analysis.requested".to_owned(),
            Self::StudyPrepared { .. } => "study.prepared".to_owned(),
            Self::StageCompleted { stage, .. } => format!("stage.completed.{stage}"),
            Self::StageFailed { stage, .. } => format!("stage.failed.{stage}"),
        }
    }
}
