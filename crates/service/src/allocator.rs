//! What the C library does with memory that was given back.

/// Blocks of at least so many bytes come from the kernel one by one and go back to it when they are freed.
#[cfg(target_env = "gnu")]
const OWN_MAPPING_BYTES: i32 = 4 << 20;
/// Heaps that threads share. By default each thread that meets another has one of its own, up to eight a core, and each keeps what
/// was once in use in it.
#[cfg(target_env = "gnu")]
const ARENAS: i32 = 2;

/// Has freed memory go back to the system, so that a process holds after a hundred studies what it held after one
/// (docs/adr/1820). By default glibc raises the size from which a block is mapped by itself to that of the largest freed so far, 32 MiB at
/// most; whole uploads and volumes then lie in its heaps, between small blocks that keep them from shrinking.
///
/// For a process that serves; the child that reads an upload ends after it, and has limits of its own. Other C libraries are left as they are.
pub(crate) fn give_back_freed_memory() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in [
        (libc::M_ARENA_MAX, ARENAS),
        (libc::M_MMAP_THRESHOLD, OWN_MAPPING_BYTES),
        (libc::M_TRIM_THRESHOLD, OWN_MAPPING_BYTES),
    ] {
        #[expect(unsafe_code, reason = "the C library has no safe form of it")]
        // SAFETY: mallopt reads two numbers and takes the allocator's own lock; it may be called at any time, from any thread.
        let is_set = unsafe { libc::mallopt(parameter, value) } == 1;
        if !is_set {
            tracing::debug!(parameter, value, "the allocator does not take the parameter");
        }
    }
}
