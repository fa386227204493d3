//! The target `network` under libFuzzer.

#![no_main]
#![allow(unsafe_code, reason = "libFuzzer's entry point is an unmangled symbol")]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    norma_fuzz::run_guarded(|| {
        norma_fuzz::network::run(input);
    });
});
