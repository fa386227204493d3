//! What stands before the chunks of an encrypted object.

use crate::WrappedKey;

/// Its length, whatever the wrapped key is: sizes follow from sizes.
pub const HEADER_BYTES: usize = 512;

/// No image file, archive or text begins so.
pub(crate) const MARK: [u8; 8] = *b"\x89norma\x01\n";

pub(crate) const LONGEST_KEY_ID: usize = 64;

/// # Panics
/// Where the wrapped key is longer than a header: [`KeyEncryption`](crate::KeyEncryption) has to give shorter ones.
pub(crate) fn write(wrapped: &WrappedKey) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER_BYTES);
    write_fields(&mut header, wrapped);
    assert!(
        header.len() <= HEADER_BYTES,
        "a wrapped key is shorter than its header"
    );
    header.resize(HEADER_BYTES, 0);
    header
}

/// The mark and the wrapped key, without zeros behind.
pub(crate) fn write_fields(into: &mut Vec<u8>, wrapped: &WrappedKey) {
    into.extend_from_slice(&MARK);
    let id_bytes = u8::try_from(wrapped.key_id.len()).expect("an id is short");
    into.push(id_bytes);
    into.extend_from_slice(wrapped.key_id.as_bytes());
    let bytes = u16::try_from(wrapped.bytes.len()).expect("a wrapped key is short");
    into.extend_from_slice(&bytes.to_be_bytes());
    into.extend_from_slice(&wrapped.bytes);
}

/// The wrapped key and what comes behind it; None where that is none. The mark has been looked at.
pub(crate) fn read_fields(bytes: &[u8]) -> Option<(WrappedKey, &[u8])> {
    let rest = bytes.strip_prefix(&MARK)?;
    let (&id_bytes, rest) = rest.split_first()?;
    let (id, rest) = rest.split_at_checked(usize::from(id_bytes))?;
    let (wrapped_bytes, rest) = rest.split_first_chunk::<2>()?;
    let (wrapped, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*wrapped_bytes)))?;
    let key_id = std::str::from_utf8(id).ok()?;
    if !is_key_id(key_id) {
        return None;
    }
    let wrapped = WrappedKey {
        key_id: key_id.to_owned(),
        bytes: wrapped.to_vec(),
    };
    Some((wrapped, rest))
}

/// Ids are told in errors and listings: letters, digits and a few signs, so that nothing else gets there.
pub(crate) fn is_key_id(id: &str) -> bool {
    (1..=LONGEST_KEY_ID).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte))
}
