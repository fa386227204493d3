//! Content in chunks, each encrypted and authenticated with its place and whether it is the last (STREAM; see the README).

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

/// Content of a chunk; the last one has less, or nothing where there is no content.
pub const CHUNK_BYTES: usize = 65_536;
pub(crate) const TAG_BYTES: usize = 16;

/// What is stored is not what was encrypted: altered, moved, cut off, or no whole object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the encrypted content is damaged")]
pub struct Damaged;

pub(crate) fn nonce(number: u64, is_last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(is_last);
    Nonce::assume_unique_for_key(nonce)
}

/// Encrypts content as it comes. At most a chunk of it is held back, since the last one is marked.
pub struct Sealer {
    cipher: LessSafeKey,
    number: u64,
    held: Vec<u8>,
}

impl Sealer {
    pub(crate) fn new(cipher: LessSafeKey) -> Self {
        Self {
            cipher,
            number: 0,
            held: Vec::with_capacity(CHUNK_BYTES),
        }
    }

    /// Takes content; gives what can be stored by now.
    pub fn push(&mut self, mut content: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(content.len() + TAG_BYTES * (content.len() / CHUNK_BYTES + 1));
        // More comes behind a full chunk only if there is some: it may be the last.
        while self.held.len() + content.len() > CHUNK_BYTES {
            let (now, later) = content.split_at(CHUNK_BYTES - self.held.len());
            self.held.extend_from_slice(now);
            self.seal_held(false, &mut sealed);
            content = later;
        }
        self.held.extend_from_slice(content);
        sealed
    }

    /// The last chunk.
    pub fn finish(mut self) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(self.held.len() + TAG_BYTES);
        self.seal_held(true, &mut sealed);
        sealed
    }

    fn seal_held(&mut self, is_last: bool, into: &mut Vec<u8>) {
        let nonce = nonce(self.number, is_last);
        let tag = self
            .cipher
            .seal_in_place_separate_tag(nonce, Aad::empty(), &mut self.held)
            .expect("a chunk is shorter than AES-GCM allows");
        into.append(&mut self.held);
        into.extend_from_slice(tag.as_ref());
        self.number += 1;
    }
}

/// Decrypts a chunk with its tag in place; gives the length of its content.
pub(crate) fn open(
    cipher: &LessSafeKey,
    number: u64,
    is_last: bool,
    chunk: &mut [u8],
) -> Result<usize, Damaged> {
    let content = cipher
        .open_in_place(nonce(number, is_last), Aad::empty(), chunk)
        .map_err(|_| Damaged)?;
    Ok(content.len())
}
