//! `prepare_slices INDEX.csv FOLDER OUT`: stands in for `norma prepare` until the binary has it.
#![allow(clippy::print_stdout)]

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(index), Some(folder), Some(out)) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: prepare_slices INDEX.csv FOLDER OUT".into());
    };
    let counts = norma_pipeline::training_set::prepare_image_slices(&index, &folder, &out, &|| ())?;
    for (source, (prepared, left_out)) in counts.by_source {
        println!("{source}: {prepared} prepared, {left_out} left out");
    }
    Ok(())
}
