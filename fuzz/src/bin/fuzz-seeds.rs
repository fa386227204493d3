//! Writes the seeds of a target as files: `fuzz-seeds archive|multipart|network FOLDER`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, folder] = arguments.as_slice() else {
        return ExitCode::from(2);
    };
    let seeds = match target.as_str() {
        "archive" => norma_fuzz::seeds::archive(),
        "multipart" => norma_fuzz::seeds::multipart(),
        "network" => norma_fuzz::network_seeds::network(),
        _ => return ExitCode::from(2),
    };
    let written = std::fs::create_dir_all(folder).and_then(|()| {
        seeds.iter().enumerate().try_for_each(|(number, seed)| {
            std::fs::write(Path::new(folder).join(format!("seed-{number:04}")), seed)
        })
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
