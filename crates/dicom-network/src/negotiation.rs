//! Which presentation contexts are accepted.

use std::collections::BTreeMap;

use dicom_dictionary_std::uids;
use dicom_ul::pdu::{
    PresentationContextProposed, PresentationContextResult, PresentationContextResultReason,
};

use crate::commitment::STORAGE_COMMITMENT;
use crate::performed_step::PERFORMED_PROCEDURE_STEP;

/// Storage SOP classes of CT (PS3.4 annex B.5).
pub const CT_STORAGE_CLASSES: [&str; 3] = [
    uids::CT_IMAGE_STORAGE,
    uids::ENHANCED_CT_IMAGE_STORAGE,
    uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE,
];

/// What begins the UIDs of storage SOP classes…
const STORAGE_ROOT: &str = "1.2.840.10008.5.1.4.1.1.";
/// …and of those of radiotherapy that stand elsewhere.
const OTHER_STORAGE: [&str; 3] = [
    "1.2.840.10008.5.1.4.34.7",
    "1.2.840.10008.5.1.4.34.10",
    "1.2.840.10008.5.1.4.43.1",
];
/// Everything of the standard.
const STANDARD_ROOT: &str = "1.2.840.10008.";

/// Which storage SOP classes are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageClasses {
    /// [`CT_STORAGE_CLASSES`] alone.
    Ct,
    /// Every storage SOP class of the standard, and private ones.
    All,
}

impl StorageClasses {
    pub fn contains(self, sop_class: &str) -> bool {
        match self {
            Self::Ct => CT_STORAGE_CLASSES.contains(&sop_class),
            Self::All => {
                sop_class.starts_with(STORAGE_ROOT)
                    || OTHER_STORAGE.contains(&sop_class)
                    || (!sop_class.is_empty() && !sop_class.starts_with(STANDARD_ROOT))
            }
        }
    }
}

/// What is taken by C-STORE.
#[derive(Debug, Clone)]
pub struct StorageSupport {
    pub classes: StorageClasses,
    /// Taken in any of these…
    pub transfer_syntaxes: Vec<String>,
    /// …or in any other too.
    pub other_transfer_syntaxes: bool,
}

impl StorageSupport {
    /// These classes, in these transfer syntaxes alone.
    pub fn only(classes: StorageClasses, transfer_syntaxes: &[&str]) -> Self {
        Self {
            classes,
            transfer_syntaxes: transfer_syntaxes.iter().map(|uid| (*uid).to_owned()).collect(),
            other_transfer_syntaxes: false,
        }
    }

    fn takes(&self, transfer_syntax: &str) -> bool {
        self.other_transfer_syntaxes
            || self
                .transfer_syntaxes
                .iter()
                .any(|taken| taken == transfer_syntax)
    }
}

/// Transfer syntaxes of what is no storage.
pub(crate) const MESSAGE_TRANSFER_SYNTAXES: [&str; 2] =
    [uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::EXPLICIT_VR_LITTLE_ENDIAN];

/// Whether the peer may use a service beside storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Nobody may.
    Unsupported,
    /// Others may.
    Refused,
    Offered,
}

/// Services beside storage, as this peer may use them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offers {
    pub(crate) commitment: Offer,
    pub(crate) steps: Offer,
}

impl Offers {
    /// None of what is storage or verification.
    fn of(self, abstract_syntax: &str) -> Option<Offer> {
        match abstract_syntax {
            STORAGE_COMMITMENT => Some(self.commitment),
            PERFORMED_PROCEDURE_STEP => Some(self.steps),
            _ => None,
        }
    }
}

/// A presentation context that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AcceptedContext {
    pub(crate) abstract_syntax: String,
    pub(crate) transfer_syntax: String,
}

/// Of each context the first transfer syntax that is taken: the peer knows best in which it holds its images. None where
/// the identifiers are not odd and different.
pub(crate) fn negotiate(
    proposed: &[PresentationContextProposed],
    support: &StorageSupport,
    offers: Offers,
) -> Option<(BTreeMap<u8, AcceptedContext>, Vec<PresentationContextResult>)> {
    let mut accepted = BTreeMap::new();
    let mut results = Vec::with_capacity(proposed.len());
    for context in proposed {
        let is_known = results
            .iter()
            .any(|result: &PresentationContextResult| result.id == context.id);
        if context.id % 2 == 0 || is_known {
            return None;
        }
        let abstract_syntax = trimmed(&context.abstract_syntax);
        let offer = offers.of(abstract_syntax);
        let is_storage = abstract_syntax != uids::VERIFICATION && offer.is_none();
        let mut offered = context.transfer_syntaxes.iter().map(|uid| trimmed(uid));
        let chosen = offered.find(|uid| {
            if is_storage {
                support.takes(uid)
            } else {
                MESSAGE_TRANSFER_SYNTAXES.contains(uid)
            }
        });
        let (reason, transfer_syntax) = match chosen {
            _ if is_storage && !support.classes.contains(abstract_syntax)
                || offer == Some(Offer::Unsupported) =>
            {
                (PresentationContextResultReason::AbstractSyntaxNotSupported, None)
            }
            _ if offer == Some(Offer::Refused) => (PresentationContextResultReason::UserRejection, None),
            None => (
                PresentationContextResultReason::TransferSyntaxesNotSupported,
                None,
            ),
            Some(chosen) => (PresentationContextResultReason::Acceptance, Some(chosen)),
        };
        if let Some(transfer_syntax) = transfer_syntax {
            accepted.insert(
                context.id,
                AcceptedContext {
                    abstract_syntax: abstract_syntax.to_owned(),
                    transfer_syntax: transfer_syntax.to_owned(),
                },
            );
        }
        results.push(PresentationContextResult {
            id: context.id,
            reason,
            // Without meaning where it is rejected, but it has to be there.
            transfer_syntax: transfer_syntax
                .unwrap_or(uids::IMPLICIT_VR_LITTLE_ENDIAN)
                .to_owned(),
        });
    }
    Some((accepted, results))
}

fn trimmed(uid: &str) -> &str {
    uid.trim_matches(['\0', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(id: u8, abstract_syntax: &str, transfer_syntaxes: &[&str]) -> PresentationContextProposed {
        PresentationContextProposed {
            id,
            abstract_syntax: abstract_syntax.to_owned(),
            transfer_syntaxes: transfer_syntaxes.iter().map(|uid| (*uid).to_owned()).collect(),
        }
    }

    fn support(classes: StorageClasses) -> StorageSupport {
        StorageSupport {
            classes,
            transfer_syntaxes: vec![
                uids::EXPLICIT_VR_LITTLE_ENDIAN.to_owned(),
                uids::JPEG_LOSSLESS_SV1.to_owned(),
            ],
            other_transfer_syntaxes: false,
        }
    }

    #[test]
    fn the_first_transfer_syntax_that_is_taken_is_chosen() {
        let proposed = [
            context(
                1,
                uids::CT_IMAGE_STORAGE,
                &["1.2.3", uids::JPEG_LOSSLESS_SV1, uids::EXPLICIT_VR_LITTLE_ENDIAN],
            ),
            context(3, uids::CT_IMAGE_STORAGE, &["1.2.3"]),
            context(
                5,
                "1.2.840.10008.5.1.4.1.2.1.1",
                &[uids::EXPLICIT_VR_LITTLE_ENDIAN],
            ),
            context(7, "1.2.840.10008.1.1\0", &["1.2.840.10008.1.2\0"]),
            context(9, uids::MR_IMAGE_STORAGE, &[uids::EXPLICIT_VR_LITTLE_ENDIAN]),
            context(
                11,
                STORAGE_COMMITMENT,
                &[uids::JPEG_LOSSLESS_SV1, uids::EXPLICIT_VR_LITTLE_ENDIAN],
            ),
        ];
        let negotiate = |support, commitment| {
            let offers = Offers {
                commitment,
                steps: Offer::Unsupported,
            };
            negotiate(&proposed, &support, offers).unwrap()
        };
        let (accepted, results) = negotiate(support(StorageClasses::Ct), Offer::Refused);
        assert_eq!(accepted[&1].transfer_syntax, uids::JPEG_LOSSLESS_SV1);
        assert_eq!(accepted[&7].abstract_syntax, uids::VERIFICATION);
        assert_eq!(accepted.len(), 2);
        let reasons: Vec<u8> = results.iter().map(|result| result.reason.clone() as u8).collect();
        assert_eq!(reasons, [0, 4, 3, 0, 3, 1]);
        let (accepted, results) = negotiate(support(StorageClasses::All), Offer::Unsupported);
        assert_eq!(accepted.keys().copied().collect::<Vec<_>>(), [1, 7, 9]);
        assert_eq!(results[5].reason.clone() as u8, 3);
        let (accepted, _) = negotiate(support(StorageClasses::All), Offer::Offered);
        assert_eq!(accepted[&11].transfer_syntax, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    }

    #[test]
    fn identifiers_are_odd_and_different() {
        let ct = |id| context(id, uids::CT_IMAGE_STORAGE, &[uids::EXPLICIT_VR_LITTLE_ENDIAN]);
        let offers = Offers {
            commitment: Offer::Unsupported,
            steps: Offer::Unsupported,
        };
        let negotiate = |proposed: &[_]| negotiate(proposed, &support(StorageClasses::Ct), offers);
        assert!(negotiate(&[ct(2)]).is_none());
        assert!(negotiate(&[ct(1), ct(1)]).is_none());
    }
}
