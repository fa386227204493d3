//! Taking a model into the models folder.

use std::path::Path;
use std::{fs, io, iter};

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
/// has in common with others goes to the folder of that graph, unless it is there. What fails leaves no model behind.
///
/// # Errors
/// Where the model does not fit, where there is one of that name already or another graph in the place of its own, and
/// where the disk fails.
pub fn import_model(source: &Path, models: &Path, runtime: &Runtime) -> Result<InstalledModel, ModelError> {
    let model = InstalledModel::open(source)?;
    check_model(&model, runtime)?;
    let name = &model.manifest.name;
    let target = models.join(name);
    let disk = |source| ModelError::Unreadable {
        path: target.clone(),
        source,
    };
    if target.exists() {
        return Err(disk(io::ErrorKind::AlreadyExists.into()));
    }
    // Beside its place, so that paths to the common graph are the same.
    let part = models.join(format!(".{name}.part"));
    fs::create_dir_all(&part).map_err(disk)?;
    let copied = copy_model(&model, source, &part)
        .map_err(disk)
        .and_then(|()| InstalledModel::open(&part))
        .and_then(|_| fs::rename(&part, &target).map_err(disk));
    if copied.is_err() {
        fs::remove_dir_all(&part).map_err(disk)?;
    }
    copied.and_then(|()| InstalledModel::open(&target))
}

fn copy_model(model: &InstalledModel, source: &Path, target: &Path) -> io::Result<()> {
    let further = model.manifest.further_files().map(|(file, _)| file.as_str());
    for file in iter::once(MANIFEST_FILE).chain(further) {
        fs::copy(source.join(file), target.join(file))?;
    }
    let graph = model.manifest.graph_path(target);
    if !graph.exists() {
        if let Some(folder) = graph.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(model.onnx_path(), &graph)?;
    }
    Ok(())
}
