#![doc = include_str!("../README.md")]

pub mod archive;
pub mod multipart;
pub mod mutate;
pub mod network;
pub mod network_seeds;
pub mod seeds;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Does what would be parallel in one thread, as [`run_guarded`] does.
pub fn in_one_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.expect("a thread can be started").install(work)
}

/// Runs a target under libFuzzer. Decoders may panic on damaged codestreams, which the imaging crate catches; only a
/// panic that nobody catches ends the fuzzer.
pub fn run_guarded(target: impl FnOnce()) {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        // Parallel work is done here and now: handing it to other threads takes longer than most inputs, and makes
        // coverage a matter of chance.
        let here = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .use_current_thread();
        here.build_global().expect("nothing used threads before");
        // libfuzzer-sys aborts in its panic hook, before anybody can catch.
        if std::env::var_os("NORMA_FUZZ_PANICS").is_none() {
            std::panic::set_hook(Box::new(|_| {}));
        } else {
            let _ = std::panic::take_hook();
        }
    });
    if catch_unwind(AssertUnwindSafe(target)).is_err() {
        std::process::abort();
    }
}
