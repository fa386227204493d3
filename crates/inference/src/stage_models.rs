use std::time::Duration;

use norma_domain::{BundleReference, Stage};

use crate::anomaly::AnomalyModel;
use crate::bundle::Bundle;
use crate::classifier::ClassifierModel;
use crate::error::ModelError;
use crate::fusion::AnomalyCombination;
use crate::runtime::Runtime;
use crate::shared_pass::SharedPass;
use crate::typing::TypingModel;

/// The open models of one or more stages. Shared between threads; each call borrows a session.
#[derive(Debug)]
pub struct StageModels {
    bundle: BundleReference,
    anomaly: Option<AnomalyModels>,
    classifier: Option<ClassifierModel>,
    typing: Option<TypingModel>,
    shared: SharedPass,
}

/// The models of the anomaly stage, in the bundle's order.
#[derive(Debug)]
pub struct AnomalyModels {
    pub models: Vec<AnomalyModel>,
    pub combination: AnomalyCombination,
}

impl StageModels {
    /// Opens the models of the named stages and checks their graphs.
    pub fn open(bundle: &Bundle, runtime: &Runtime, stages: &[Stage]) -> Result<Self, ModelError> {
        let wanted = |stage: Stage| stages.contains(&stage);
        let anomaly = if wanted(Stage::Anomaly) {
            let models = bundle
                .anomaly()
                .iter()
                .map(|model| AnomalyModel::open(model, runtime))
                .collect::<Result<Vec<_>, _>>()?;
            Some(AnomalyModels {
                models,
                combination: bundle.anomaly_combination().clone(),
            })
        } else {
            None
        };
        let classifier = wanted(Stage::Classifier)
            .then(|| ClassifierModel::open(bundle.classifier(), runtime))
            .transpose()?
            .map(|model| model.scaled(bundle.file().classifier_scaling));
        let typing = wanted(Stage::Typing)
            .then(|| TypingModel::open(bundle.typing(), runtime))
            .transpose()?;
        Ok(Self {
            bundle: bundle.installed().clone(),
            anomaly,
            classifier,
            typing,
            shared: SharedPass::open(bundle, runtime, stages)?,
        })
    }

    /// The bundle that the models were opened from, as it is installed: no threshold changes a score. It goes with each of their results.
    pub fn bundle(&self) -> &BundleReference {
        &self.bundle
    }

    pub fn anomaly(&self) -> Option<&AnomalyModels> {
        self.anomaly.as_ref()
    }

    pub fn classifier(&self) -> Option<&ClassifierModel> {
        self.classifier.as_ref()
    }

    pub fn typing(&self) -> Option<&TypingModel> {
        self.typing.as_ref()
    }

    /// What several of the open models have in common.
    pub fn shared(&self) -> &SharedPass {
        &self.shared
    }

    /// What the runs of a stage's models have spent in ONNX Runtime since they were opened, on average of the sessions
    /// that run side by side.
    pub fn time_in_runtime(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Anomaly => self.anomaly().map_or(Duration::ZERO, |anomaly| {
                anomaly.models.iter().map(AnomalyModel::time_in_runtime).sum()
            }),
            Stage::Classifier => self
                .classifier()
                .map_or(Duration::ZERO, ClassifierModel::time_in_runtime),
            Stage::Typing => self.typing().map_or(Duration::ZERO, TypingModel::time_in_runtime),
            Stage::Preprocess | Stage::Report => Duration::ZERO,
        }
    }
}
