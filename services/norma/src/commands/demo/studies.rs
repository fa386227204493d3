//! The studies of the demonstration and what is right to say of them.

use norma_domain::Verdict;
use norma_phantom::{PhantomOptions, PhantomPatient};

use crate::command_line::PhantomKind;
use crate::commands::phantom;

/// A study whose answer is known.
pub(super) struct DemoStudy {
    pub(super) kind: PhantomKind,
    pub(super) name: &'static str,
    pub(super) right: Verdict,
}

pub(super) const STUDIES: [DemoStudy; 5] = [
    study(PhantomKind::Norm, "norm", Verdict::Norm),
    study(PhantomKind::Nodule, "nodule", Verdict::Pathology),
    study(PhantomKind::Effusion, "effusion", Verdict::Pathology),
    study(PhantomKind::Consolidation, "consolidation", Verdict::Pathology),
    study(PhantomKind::Incomplete, "incomplete", Verdict::Undetermined),
];

const fn study(kind: PhantomKind, name: &'static str, right: Verdict) -> DemoStudy {
    DemoStudy { kind, name, right }
}

impl DemoStudy {
    /// The phantom, of a patient of its own.
    pub(super) fn options(&self, seed: u64) -> PhantomOptions {
        let coarse = options();
        let fine = phantom::options(self.kind);
        PhantomOptions {
            seed,
            size: coarse.size,
            // As much of the chest, in thicker slices.
            slices: (fine.slices as f32 * fine.spacing_mm / coarse.spacing_mm).round() as usize,
            spacing_mm: coarse.spacing_mm,
            patient: PhantomPatient {
                name: format!("PHANTOM^{}", self.name.to_uppercase()),
                ..PhantomPatient::default()
            },
            ..fine
        }
    }
}

/// How fine the phantoms are: norm and shown studies alike, as a site's are. Coarser than the default, so that many are
/// made in little time.
pub(super) fn options() -> PhantomOptions {
    PhantomOptions {
        size: 320,
        slices: 100,
        spacing_mm: 3.0,
        ..PhantomOptions::default()
    }
}
