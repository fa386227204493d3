//! Taking a model into the models folder.

use std::fs;
use std::path::Path;

use crate::anomaly::AnomalyModel;
use crate::bundle::InstalledModel;
use crate::classifier::ClassifierModel;
use crate::error::ModelError;
use crate::manifest::{MANIFEST_FILE, Task};
use crate::runtime::Runtime;
use crate::typing::TypingModel;

/// Opens a model by its task and closes it again: its manifest, hashes, memory and graph fit together.
pub fn check_model(model: &InstalledModel, runtime: &Runtime) -> Result<(), ModelError> {
    match model.manifest.task {
        Task::Reconstruction | Task::PatchMemory => AnomalyModel::open(model, runtime).map(drop),
        Task::Classifier => ClassifierModel::open(model, runtime).map(drop),
        Task::Typing => TypingModel::open(model, runtime).map(drop),
    }
}

/// Checks the model in the folder `source` and copies it to `models/<name>`, the name being its manifest's; a graph that it
/// has in common with others goes to the folder of that graph, unless it is there.
///
/// # Errors
/// Where the model does not fit, where there is one of that name already or another graph in the place of its own, and
/// where the disk fails.
pub fn import_model(source: &Path, models: &Path, runtime: &Runtime) -> Result<InstalledModel, ModelError> {
    let model = InstalledModel::open(source)?;
    check_model(&model, runtime)?;
    let target = models.join(&model.manifest.name);
    let disk = |source| ModelError::Unreadable {
        path: target.clone(),
        source,
    };
    fs::create_dir_all(models).map_err(disk)?;
    fs::create_dir(&target).map_err(disk)?;
    let further = model.manifest.further_files().map(|(file, _)| file.as_str());
    for file in std::iter::once(MANIFEST_FILE).chain(further) {
        fs::copy(source.join(file), target.join(file)).map_err(disk)?;
    }
    let graph = model.manifest.graph_path(&target);
    if !graph.exists() {
        if let Some(folder) = graph.parent() {
            fs::create_dir_all(folder).map_err(disk)?;
        }
        fs::copy(model.onnx_path(), &graph).map_err(disk)?;
    }
    InstalledModel::open(&target)
}
