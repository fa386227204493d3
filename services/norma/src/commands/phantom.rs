use std::num::NonZeroUsize;
use std::process::ExitCode;

use anyhow::Context;
use norma_phantom::{Nodule, PhantomOptions, TransferSyntax, phantom_zip};

use crate::command_line::{Encoding, Phantom, PhantomKind};

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
    let kind = options(arguments.kind);
    let slices = arguments.slices.map_or(kind.slices, NonZeroUsize::get);
    let options = PhantomOptions {
        slices,
        spacing_mm: kind.spacing_mm * kind.slices as f32 / slices as f32,
        transfer_syntax: syntax(arguments.transfer_syntax),
        ..kind
    };
    phantom_zip(&options, &arguments.out)
        .with_context(|| format!("failed to write {}", arguments.out.display()))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) const fn syntax(encoding: Encoding) -> TransferSyntax {
    match encoding {
        Encoding::Explicit => TransferSyntax::ExplicitLittleEndian,
        Encoding::Implicit => TransferSyntax::ImplicitLittleEndian,
        Encoding::Deflated => TransferSyntax::DeflatedExplicitLittleEndian,
        Encoding::Rle => TransferSyntax::RleLossless,
    }
}
