//! What each peer has brought since it was noted last.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use norma_database::CallerTraffic;
use norma_dicom_network::{AeTitle, Status, StoreFailure};

/// Titles that are counted at once; a peer may name itself as it likes.
const MOST_TITLES: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Traffic(Mutex<BTreeMap<AeTitle, CallerTraffic>>);

impl Traffic {
    /// An instance was taken or refused.
    pub(super) fn note(&self, calling: &AeTitle, outcome: Result<(), StoreFailure>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_TITLES && !all.contains_key(calling) {
            return;
        }
        let of_caller = all.entry(calling.clone()).or_insert_with(|| CallerTraffic {
            ae_title: calling.to_string(),
            ..CallerTraffic::default()
        });
        match outcome {
            Ok(()) => of_caller.taken = of_caller.taken.saturating_add(1),
            Err(failure) => {
                of_caller.refused = of_caller.refused.saturating_add(1);
                of_caller.refusal = Some(format!("{:04X}", Status::from(failure).0));
            }
        }
    }

    /// What there is to be noted, which is not here any more.
    pub(super) fn take(&self) -> Vec<CallerTraffic> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *all).into_values().collect()
    }
}
