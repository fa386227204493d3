//! A DICOM node from the command line.

mod receive;
mod send;

use std::process::ExitCode;

use crate::command_line::Pacs;

pub(super) fn run(command: &Pacs) -> anyhow::Result<ExitCode> {
    match command {
        Pacs::Echo(peer) => send::echo(peer),
        Pacs::Send(arguments) => send::send(arguments),
        Pacs::Receive(arguments) => receive::receive(arguments),
    }
}
