//! Studies without what identifies their patients.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use norma_deidentification::{Key, PixelCheck};
use norma_pipeline::deidentify_upload_sandboxed;
use secrecy::ExposeSecret;

use super::settings::settings;
use super::terminal::{EXIT_PARTIAL, tell};
use crate::command_line::Deidentify;

pub(crate) fn run(config: Option<&Path>, arguments: &Deidentify) -> anyhow::Result<ExitCode> {
    let settings = settings(config)?;
    let key = match (&arguments.key_file, &settings.deidentification.key) {
        (Some(file), _) => {
            let secret = std::fs::read(file).context("failed to read the key's file")?;
            Key::new(secret.trim_ascii_end())?
        }
        (None, Some(key)) => Key::new(key.expose_secret().as_bytes())?,
        (None, None) => Key::random(),
    };
    anyhow::ensure!(arguments.upload.exists(), "the given path does not exist");
    anyhow::ensure!(!arguments.out.exists(), "the file to write is there already");
    let summary = deidentify_upload_sandboxed(
        &settings.sandbox(),
        &arguments.upload,
        &arguments.out,
        &key,
        if arguments.pixels_checked {
            PixelCheck::ByPerson
        } else {
            PixelCheck::ByKind
        },
        &settings.limits,
    );
    let summary = match summary {
        Ok(summary) => summary,
        Err(error) => {
            // What was begun is no answer.
            let _ = std::fs::remove_file(&arguments.out);
            return Err(error.into());
        }
    };
    let left_out = &summary.left_out;
    tell(&format!(
        "{} studies, {} images written; left out: {} without pixels, {} that may carry text in their pixels, \
         {} unreadable. The values of pixels are as they were: look for faces and burned-in text yourself",
        summary.studies, summary.kept, left_out.no_image, left_out.burned_in, left_out.unreadable
    ));
    Ok(if left_out.unreadable > 0 {
        ExitCode::from(EXIT_PARTIAL)
    } else {
        ExitCode::SUCCESS
    })
}
