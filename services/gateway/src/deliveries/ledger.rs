//! Which objects of a result a destination has, and which it refused.

use std::sync::{Mutex, MutexGuard, PoisonError};

use norma_database::DeliveredObject;
use norma_dicom_results::DicomResult;

use crate::peer_failure::Failure;

/// What a destination said of the objects, in earlier attempts and in this one.
#[derive(Debug, Default)]
pub(super) struct ObjectLedger(Mutex<Vec<DeliveredObject>>);

impl ObjectLedger {
    /// `before`: what it said in earlier attempts.
    pub(super) fn new(before: Vec<DeliveredObject>) -> Self {
        Self(Mutex::new(before))
    }

    /// Those of `wanted` that the destination does not have. What was said of others counts no more: the settings name them no
    /// longer, or they have other UIDs by now.
    pub(super) fn missing<'a>(&self, mut wanted: Vec<&'a DicomResult>) -> Vec<&'a DicomResult> {
        let mut said = self.locked();
        said.retain(|known| wanted.iter().any(|object| is_of(known, object)));
        wanted.retain(|object| {
            !said
                .iter()
                .any(|known| is_of(known, object) && known.refusal.is_none())
        });
        wanted
    }

    pub(super) fn take(&self, object: &DicomResult) {
        self.note(object, None);
    }

    pub(super) fn refuse(&self, object: &DicomResult, failure: &Failure) {
        self.note(object, Some(failure));
    }

    /// The destination does not have it after all.
    pub(super) fn lose(&self, sop_instance_uid: &str) {
        self.locked()
            .retain(|known| known.sop_instance_uid != sop_instance_uid);
    }

    fn note(&self, object: &DicomResult, refusal: Option<&Failure>) {
        let mut said = self.locked();
        said.retain(|known| !is_of(known, object));
        said.push(DeliveredObject {
            sop_instance_uid: object.sop_instance_uid.clone(),
            name: object.name.clone(),
            refusal: refusal.map(Failure::problem),
        });
    }

    /// All that it said so far.
    pub(super) fn said(&self) -> Vec<DeliveredObject> {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Vec<DeliveredObject>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_of(known: &DeliveredObject, object: &DicomResult) -> bool {
    known.sop_instance_uid == object.sop_instance_uid
}

#[cfg(test)]
mod tests {
    use norma_dicom_network::Status;

    use super::*;

    fn object(name: &str, uid: &str) -> DicomResult {
        DicomResult {
            name: name.to_owned(),
            sop_class_uid: String::new(),
            sop_instance_uid: uid.to_owned(),
            series_instance_uid: String::new(),
            bytes: Vec::new(),
        }
    }

    fn names(objects: &[&DicomResult]) -> Vec<String> {
        objects.iter().map(|object| object.name.clone()).collect()
    }

    #[test]
    fn what_was_refused_is_missing_until_it_is_taken() {
        let (report, mask) = (object("report", "2.25.1"), object("segmentation-lungs", "2.25.2"));
        let ledger = ObjectLedger::default();
        let wanted = || vec![&report, &mask];
        assert_eq!(names(&ledger.missing(wanted())), ["report", "segmentation-lungs"]);
        ledger.take(&report);
        ledger.refuse(&mask, &Failure::of_status(Status(0xA900), "x"));
        let said = ledger.said();
        assert_eq!(said[0].refusal, None);
        let refusal = said[1].refusal.clone().unwrap();
        assert_eq!(refusal.code, "refused_by_peer");
        assert_eq!(refusal.peer_status.as_deref(), Some("A900"));

        let next = ObjectLedger::new(said);
        assert_eq!(names(&next.missing(wanted())), ["segmentation-lungs"]);
        next.take(&mask);
        assert!(next.missing(wanted()).is_empty());
        next.lose("2.25.1");
        assert_eq!(names(&next.missing(wanted())), ["report"]);
        next.take(&report);
        assert!(next.said().iter().all(|known| known.refusal.is_none()));
    }

    #[test]
    fn what_is_no_longer_wanted_or_has_another_uid_counts_no_more() {
        let (old, new) = (object("verdict", "2.25.1"), object("verdict", "2.25.2"));
        let ledger = ObjectLedger::default();
        ledger.take(&old);
        assert_eq!(names(&ledger.missing(vec![&new])), ["verdict"]);
        assert!(ledger.said().is_empty());
    }
}
