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
        PhantomKind::Consolidation => PhantomOptions {
            nodule: Some(Nodule {
                center_mm: [82.0, 34.0, 110.0],
                diameter_mm: 64.0,
                hounsfield: 35.0,
                spiculated: false,
            }),
            ..PhantomOptions::default()
        },
        PhantomKind::Incomplete => PhantomOptions {
            slices: 72,
            ..PhantomOptions::default()
        },
    }
}

pub(crate) fn run(arguments: &Phantom) -> anyhow::Result<ExitCode> {
    phantom_zip(&options(arguments.kind), &arguments.out)
        .with_context(|| format!("failed to write {}", arguments.out.display()))?;
    Ok(ExitCode::SUCCESS)
}
