//! Options for the linker that make the program smaller: equal functions once, and relocations packed. Each is tried on an empty
//! program first, which also has to start: linkers and loaders that do not know them get none.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, io};

/// Equal functions are kept once.
const FOLD_EQUAL_CODE: &str = "-Wl,--icf=all";
/// Relative relocations as a bitmap (glibc 2.36 and newer).
const PACK_RELOCATIONS: &str = "-Wl,-z,pack-relative-relocs";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    // What runs elsewhere cannot be tried here.
    if variable("TARGET") != variable("HOST") || variable("CARGO_CFG_TARGET_OS") != "linux" {
        return Ok(());
    }
    let folder = variable("OUT_DIR");
    let known = |options: &[&str]| is_known(Path::new(&folder), options);
    let both = [FOLD_EQUAL_CODE, PACK_RELOCATIONS];
    let options = if known(&both)? {
        both.to_vec()
    } else {
        let mut single = Vec::new();
        for option in both {
            if known(&[option])? {
                single.push(option);
            }
        }
        single
    };
    for option in options {
        println!("cargo:rustc-link-arg-bins={option}");
    }
    Ok(())
}

/// Whether a program links with these options, and starts.
fn is_known(folder: &Path, options: &[&str]) -> io::Result<bool> {
    let (source, program) = (folder.join("empty.rs"), folder.join("empty"));
    fs::write(&source, "fn main() {}\n")?;
    let mut command = Command::new(variable("RUSTC"));
    command.arg(&source).arg("-o").arg(&program);
    let linker = variable("RUSTC_LINKER");
    if !linker.is_empty() {
        let mut option = OsString::from("linker=");
        option.push(linker);
        command.arg("-C").arg(option);
    }
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    command.args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()));
    for option in options {
        command.arg("-C").arg(format!("link-arg={option}"));
    }
    Ok(succeeds(&mut command)? && succeeds(&mut Command::new(&program))?)
}

fn succeeds(command: &mut Command) -> io::Result<bool> {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(quiet.status()?.success())
}

fn variable(name: &str) -> OsString {
    env::var_os(name).unwrap_or_default()
}
