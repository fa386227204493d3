//! Whether an object is one of those that are made here: a PACS sends back what it was sent.

use dicom_dictionary_std::uids;
use uuid::{Uuid, Variant};

use crate::modules::MANUFACTURER;

/// What is made here, none of which holds an image that was acquired.
const CLASSES: [&str; 5] = [
    uids::COMPREHENSIVE3_DSR_STORAGE,
    uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::SEGMENTATION_STORAGE,
    uids::PARAMETRIC_MAP_STORAGE,
    uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE,
];

/// Whether an object is one that is made here, by this installation or another. `manufacturer`: (0008,0070).
///
/// All three have to agree: what a scanner made has another class, and what another system made of it another manufacturer. Who
/// takes an image for a result would not analyse it.
pub fn is_made_here(sop_class_uid: &str, sop_instance_uid: &str, manufacturer: &str) -> bool {
    may_be_made_here(sop_class_uid, sop_instance_uid) && manufacturer.trim() == MANUFACTURER
}

/// What of this can be told by the UIDs alone: the class, and the form of a derived UID ([`crate::DicomResult`]).
pub fn may_be_made_here(sop_class_uid: &str, sop_instance_uid: &str) -> bool {
    CLASSES.contains(&sop_class_uid) && is_derived(sop_instance_uid)
}

/// Whether a series has a UID of the form that series of results have.
pub fn may_be_series_made_here(series_instance_uid: &str) -> bool {
    is_derived(series_instance_uid)
}

/// `2.25.` and a UUID of version 8.
fn is_derived(uid: &str) -> bool {
    let number = uid.strip_prefix("2.25.").and_then(|number| number.parse().ok());
    number
        .map(Uuid::from_u128)
        .is_some_and(|uuid| uuid.get_version_num() == 8 && uuid.get_variant() == Variant::RFC4122)
}

#[cfg(test)]
mod tests {
    use norma_domain::AnalysisId;

    use super::*;
    use crate::derived_uid::derive_uid;

    #[test]
    fn own_objects_are_known_and_no_others() {
        let uid = derive_uid(AnalysisId::generate(), "report");
        for class in CLASSES {
            assert!(is_made_here(class, &uid, "Norma"));
            assert!(is_made_here(class, &uid, "Norma "));
            assert!(!is_made_here(class, &uid, "Norma Medical"));
            assert!(!is_made_here(class, &uid, ""));
            assert!(!is_made_here(class, "1.2.840.1.2.3", "Norma"));
            assert!(!is_made_here(class, "2.25.1", "Norma"));
            assert!(!is_made_here(class, "2.25.", "Norma"));
            // Of version 4, as others make them.
            let other = format!(
                "2.25.{}",
                Uuid::from_u128(0x1234_5678_1234_4234_9234_1234_5678_9ABC).as_u128()
            );
            assert!(!is_made_here(class, &other, "Norma"));
        }
        for class in [uids::CT_IMAGE_STORAGE, uids::ENHANCED_CT_IMAGE_STORAGE, ""] {
            assert!(!is_made_here(class, &uid, "Norma"), "an image is analysed");
        }
    }
}
