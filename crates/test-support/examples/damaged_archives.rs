//! Writes the damaged archives into a folder, for a mass run by hand:
//!
//!     cargo run --example damaged_archives -- FOLDER

use std::path::Path;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os()
        .nth(1)
        .ok_or_else(|| anyhow::anyhow!("which folder?"))?;
    norma_test_support::write_damaged_archives(Path::new(&folder))?;
    Ok(())
}
