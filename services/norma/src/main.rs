#![doc = include_str!("../README.md")]

mod command_line;
mod commands;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let command_line = command_line::CommandLine::parse();
    commands::run(command_line)
}
