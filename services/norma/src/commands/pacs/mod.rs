//! A DICOM node from the command line.

mod connections;
mod find;
mod pull;
mod receive;
mod send;

use std::path::Path;
use std::process::ExitCode;

use crate::command_line::Pacs;

pub(super) fn run(config: Option<&Path>, command: Pacs) -> anyhow::Result<ExitCode> {
    match command {
        Pacs::Echo(peer) => send::echo(&peer),
        Pacs::Send(arguments) => send::send(&arguments),
        Pacs::Find(arguments) => find::find(config, arguments),
        Pacs::Pull(arguments) => pull::pull(config, arguments),
        Pacs::Pulls(arguments) => pull::pulls(config, arguments),
        Pacs::Connections(arguments) => connections::connections(config, &arguments),
        Pacs::Arrivals(arguments) => connections::arrivals(config, &arguments),
        Pacs::Receive(arguments) => receive::receive(&arguments),
    }
}
