//! UIDs that follow from what they name, so that a repeat gives the same.

use norma_domain::AnalysisId;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// Sets these hashes apart from any other over the same bytes.
const NAMESPACE: &[u8] = b"norma dicom results 1\0";

/// `2.25.` and a UUID of version 8 (RFC 9562) made of a hash over the analysis and `kind` (DICOM PS3.5 B.2).
pub(crate) fn derive_uid(analysis: AnalysisId, kind: &str) -> String {
    derive(analysis.as_uuid().as_bytes(), kind)
}

/// The same for what is no analysis's: the device that observes.
pub(crate) fn derive(of: &[u8], kind: &str) -> String {
    let uuid = derive_uuid(&[NAMESPACE, of, &[0], kind.as_bytes()]);
    format!("2.25.{}", uuid.as_u128())
}

/// A UUID of version 8 (RFC 9562) made of a hash over `parts`, of which the first sets it apart from all that are made elsewhere.
pub fn derive_uuid(parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let hash = hash.finalize();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_gives_the_same_and_another_another() {
        let (one, two) = (AnalysisId::generate(), AnalysisId::generate());
        assert_eq!(derive_uid(one, "report"), derive_uid(one, "report"));
        assert_ne!(derive_uid(one, "report"), derive_uid(two, "report"));
        assert_ne!(derive_uid(one, "report"), derive_uid(one, "page"));
        let uid = derive_uid(one, "report");
        assert!(norma_domain::SopInstanceUid::new(&uid).unwrap().is_valid());
        assert!(uid.len() <= 44, "{uid}");
    }
}
