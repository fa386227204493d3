//! What a site learns from its own labelled studies, by the commands.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answered;
mod calibrate;
mod drift;
mod evaluate;
mod labels;
mod proposals;
mod shadow;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../studies/mod.rs"]
mod studies;
mod unlabelled;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use studies::test_bundle;
use tempfile::TempDir;

/// A folder with tables and, where a test asks for it, a database.
pub(crate) struct Site {
    folder: TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn table(&self, text: &str) -> String {
        let path = self.path("labels.csv");
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub(crate) fn norma(&self, words: &[&str]) -> Output {
        self.norma_with(&test_bundle(), words)
    }

    /// A copy of the test models in the site's own folder.
    pub(crate) fn own_bundle(&self) -> PathBuf {
        let (from, to) = (test_bundle(), self.path("models"));
        copy(from.parent().unwrap(), &to);
        to.join("bundle.yaml")
    }

    pub(crate) fn norma_with(&self, bundle: &Path, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_norma"))
            .args(words)
            .env("NORMA__MODELS__BUNDLE", bundle)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copied = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &copied);
        } else {
            fs::copy(entry.path(), copied).unwrap();
        }
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)))
}
