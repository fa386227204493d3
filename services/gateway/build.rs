//! Puts the built web page into the binary: `web/dist` where it exists, else the plain page of `page/`. Texts are
//! compressed here, once: nearly every browser takes gzip, and the binary is four megabytes smaller.
//!
//! The web's build comes first, or beside: `scripts/build` names its process in `NORMA_PAGE_PROCESS`, whose end is waited for.
//! Where `web/dist` appears only after the gateway was compiled, touch this file; or let the gateway serve the folder (setting
//! `gateway.page_folder`).

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;

/// The process that builds the page beside the compiler.
const PAGE_PROCESS: &str = "NORMA_PAGE_PROCESS";

fn main() -> io::Result<()> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let built = here.join("../../web/dist");
    if let Ok(process) = env::var(PAGE_PROCESS) {
        wait_for(&process);
        if !built.join("index.html").is_file() {
            return Err(io::Error::other("the page was not built"));
        }
    }
    let folder = if built.join("index.html").is_file() {
        built
    } else {
        here.join("page")
    };
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", folder.display());

    let mut paths = Vec::new();
    collect(&folder, &mut paths)?;
    paths.sort();
    let out = PathBuf::from(variable("OUT_DIR"));
    let mut table = String::from("pub(super) static FILES: &[(&str, Kept)] = &[\n");
    for (number, path) in paths.iter().enumerate() {
        let name = path
            .strip_prefix(&folder)
            .map_err(io::Error::other)?
            .to_string_lossy()
            .replace('\\', "/");
        let bytes = fs::read(path)?;
        let compressed = gzip(&bytes)?;
        // Fonts and pictures are compressed already.
        let (kind, kept) = if compressed.len() < bytes.len() / 10 * 9 {
            ("Gzip", compressed)
        } else {
            ("Plain", bytes)
        };
        let kept_at = out.join(format!("page_{number}"));
        fs::write(&kept_at, kept)?;
        writeln!(
            table,
            "    ({name:?}, Kept::{kind}(include_bytes!({kept_at:?}))),"
        )
        .map_err(io::Error::other)?;
    }
    table.push_str("];\n");
    fs::write(out.join("page_files.rs"), table)
}

/// Until the process has ended; one that nobody has waited for has too.
fn wait_for(process: &str) {
    let stat = format!("/proc/{process}/stat");
    let is_running = || {
        let state = fs::read_to_string(&stat).unwrap_or_default();
        // After the program's name, in brackets, comes the state; Z has ended.
        state
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| !rest.starts_with('Z'))
    };
    while is_running() {
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}
