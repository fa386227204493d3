//! What real archives throw at a reader: every file is either loaded or rejected for a reason.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use norma_imaging::{Limits, list_studies, load_chest_series};

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "dcm") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// `loaded`, or the code of the reason.
fn outcome(upload: &Path) -> String {
    let limits = Limits::default();
    let result = list_studies(upload, &limits).and_then(|studies| load_chest_series(&studies[0], &limits));
    match result {
        Ok(series) => format!(
            "loaded {:?} lost {} hu {}",
            series.volume.geometry.shape,
            series.acquisition.undecodable_slices,
            series.acquisition.has_hounsfield
        ),
        Err(error) => error.reason().to_string(),
    }
}

#[test]
fn every_file_alone() {
    let Some(folder) = support::robustness_files() else {
        return;
    };
    let mut table: BTreeMap<String, usize> = BTreeMap::new();
    for file in files_below(folder.path()) {
        let outcome = outcome(&file);
        println!(
            "{:70} {outcome}",
            file.strip_prefix(folder.path()).unwrap().display()
        );
        *table
            .entry(outcome.split([' ', ':']).next().unwrap().to_owned())
            .or_default() += 1;
    }
    println!("{table:#?}");
}
