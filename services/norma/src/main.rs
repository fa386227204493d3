#![doc = include_str!("../README.md")]

mod command_line;
mod commands;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // Patients' images, the database and answers: nobody else on this machine reads what is written.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let command_line = command_line::CommandLine::parse();
    commands::run(command_line)
}
