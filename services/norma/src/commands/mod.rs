//! One file per command.

mod audit;
mod credential;
mod deidentify;
mod demo;
mod fit_norm;
mod installation;
mod keys;
mod measure;
mod models;
mod phantom;
mod predict;
mod prepare;
mod reading;
mod selftest;
mod serve;
mod service;
mod users;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use norma_domain::Stage;
use norma_inference::Runtime;
use norma_service::{Settings, runtime_options};

use crate::command_line::{Command, CommandLine};

/// Exit code of a command that worked but did not give every answer.
const EXIT_PARTIAL: u8 = 2;

pub(crate) fn run(command_line: CommandLine) -> ExitCode {
    let config = command_line.config.as_deref();
    let result = match command_line.command {
        Command::PrepareUpload(child) => {
            return norma_pipeline::run_child(child.arguments.into_iter().map(Into::into));
        }
        Command::Serve(arguments) => serve::run(config, arguments),
        Command::Gateway => service::run(config, service::Service::Gateway),
        Command::Preprocess => service::run(config, service::Service::Worker(Stage::Preprocess)),
        Command::Anomaly => service::run(config, service::Service::Worker(Stage::Anomaly)),
        Command::Classifier => service::run(config, service::Service::Worker(Stage::Classifier)),
        Command::Typing => service::run(config, service::Service::Worker(Stage::Typing)),
        Command::Report => service::run(config, service::Service::Worker(Stage::Report)),
        Command::Predict(arguments) => predict::run(config, &arguments),
        Command::Deidentify(arguments) => deidentify::run(config, &arguments),
        Command::Measure(arguments) => measure::run(config, &arguments),
        Command::Prepare(arguments) => prepare::run(config, &arguments),
        Command::Models(command) => models::run(config, &command),
        Command::Keys(command) => keys::run(config, command),
        Command::Users(command) => users::run(config, command),
        Command::Audit(command) => audit::run(config, command),
        Command::Selftest(target) => selftest::run(config, &target),
        Command::Demo(target) => demo::run(config, &target),
        Command::Phantom(arguments) => phantom::run(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            report_failure(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the command line tells its failure on standard error"
)]
fn report_failure(error: &anyhow::Error) {
    eprintln!("norma: {error:#}");
}

/// A line for the person at the terminal, apart from the answer on standard output.
#[expect(
    clippy::print_stderr,
    reason = "the command line talks to a person on standard error"
)]
fn tell(line: &str) {
    eprintln!("{line}");
}

/// The answer. A reader that has seen enough of it (`| head`) ends the program, quietly.
fn answer(text: &str) {
    if let Err(error) = writeln!(std::io::stdout(), "{text}") {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        tell(&format!("norma: failed to write the answer: {error}"));
        std::process::exit(1);
    }
}

fn start_runtime(settings: &Settings) -> anyhow::Result<Runtime> {
    Runtime::start(&runtime_options(&settings.models)).context("failed to start ONNX Runtime")
}

fn settings(config: Option<&Path>) -> anyhow::Result<Settings> {
    Settings::load(config).context("failed to load the settings")
}
