//! What a child says on its standard error before it ends.

use std::io::Read;

/// What is kept of the child's last words. Looked at for known words only, never logged: a library's message
/// may name files of the archive.
const MOST_BYTES: usize = 16 << 10;

/// How Rust, C++, zlib-rs and the standard library's threads and files say that memory was refused.
const OF_REFUSED_MEMORY: [&str; 6] = [
    "memory allocation of",
    "bad_alloc",
    "out of memory",
    "MemError",
    "Cannot allocate memory",
    "OutOfMemory",
];

/// The end of what is said, until the other side closes.
pub(super) fn last_words(errors: &mut impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0_u8; 4096];
    while let Ok(length @ 1..) = errors.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..length]);
        let surplus = kept.len().saturating_sub(MOST_BYTES);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

pub(super) fn tell_of_refused_memory(words: &str) -> bool {
    OF_REFUSED_MEMORY.iter().any(|refused| words.contains(refused))
}
