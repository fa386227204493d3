use std::process::ExitCode;

use anyhow::Context;
use norma_phantom::{Nodule, PhantomOptions, phantom_zip};

use crate::command_line::{Phantom, PhantomKind};

pub(crate) fn options(kind: PhantomKind) -> PhantomOptions {
    match kind {
        PhantomKind::Norm => PhantomOptions::default(),
        PhantomKind::Nodule => PhantomOptions {
            nodule: Some(Nodule::default()),
            ..PhantomOptions::default()
        },
        PhantomKind::Effusion => PhantomOptions {
            effusion: true,
            ..PhantomOptions::default()
        },
    }
}

pub(crate) fn run(arguments: &Phantom) -> anyhow::Result<ExitCode> {
    phantom_zip(&options(arguments.kind), &arguments.out)
        .with_context(|| format!("failed to write {}", arguments.out.display()))?;
    Ok(ExitCode::SUCCESS)
}
