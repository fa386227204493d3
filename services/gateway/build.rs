//! Puts the built web page into the binary: `web/dist` where it exists, else the plain page of `page/`.
//!
//! The web's build comes first (`make run` and the images do so). Where `web/dist` appears only after the gateway
//! was compiled, touch this file; or let the gateway serve the folder (setting `gateway.page_folder`).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let built = here.join("../../web/dist");
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
    let mut table = String::from("pub(super) static FILES: &[(&str, &[u8])] = &[\n");
    for path in paths {
        let name = path
            .strip_prefix(&folder)
            .map_err(io::Error::other)?
            .to_string_lossy()
            .replace('\\', "/");
        let path = path.canonicalize()?;
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),").map_err(io::Error::other)?;
    }
    table.push_str("];\n");
    fs::write(Path::new(&variable("OUT_DIR")).join("page_files.rs"), table)
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
