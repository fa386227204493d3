//! Generates the message types from `proto/` with protox, so that no `protoc` is needed.

use std::env;
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    // Asked when it runs: a checkout that was moved together with its build folder has another place.
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let file = root.join("norma/pipeline/v1/messages.proto");
    // protox itself tells cargo nothing about what it read.
    println!("cargo::rerun-if-changed={}", root.display());
    let descriptors = protox::compile([&file], [&root])?;
    prost_build::Config::new()
        .enable_type_names()
        .compile_fds(descriptors)?;
    Ok(())
}
