//! Migrations are compiled in; a new folder among them changes no Rust file.

#[allow(clippy::print_stdout, reason = "so a build script speaks to cargo")]
fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
