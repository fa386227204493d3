//! One file per command.

mod agreed_norms;
mod audit;
mod bench;
mod blocking;
mod calibrate;
mod credential;
mod deidentify;
mod deliveries;
mod demo;
mod dicom_results;
mod drift;
mod embedded;
mod encryption;
mod evaluate;
mod fit_norm;
mod installation;
mod keys;
mod labelled;
mod labels;
mod measure;
mod migrate;
mod models;
mod own_instance;
mod pacs;
mod percent;
mod phantom;
mod predict;
mod prediction;
mod prepare;
mod processor_time;
mod proposals;
mod reading;
mod routing;
mod selftest;
mod serve;
mod service;
mod settings;
mod shadow;
mod site_bundle;
mod storage;
mod terminal;
mod users;

use std::process::ExitCode;

use norma_domain::Stage;

use crate::command_line::{Command, CommandLine, Routing};

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
        Command::Bench(arguments) => bench::run(config, &arguments),
        Command::Prepare(arguments) => prepare::run(config, &arguments),
        Command::Calibrate(arguments) => calibrate::run(config, &arguments),
        Command::Evaluate(arguments) => evaluate::run(config, &arguments),
        Command::Labels(arguments) => labels::run(config, &arguments),
        Command::Drift(arguments) => drift::run(config, &arguments),
        Command::Proposals(command) => proposals::run(config, command),
        Command::Shadow(command) => shadow::run(config, command),
        Command::Models(command) => models::run(config, &command),
        Command::Keys(command) => keys::run(config, command),
        Command::Users(command) => users::run(config, command),
        Command::Audit(command) => audit::run(config, command),
        Command::Storage(command) => storage::run(config, command),
        Command::Migrate => migrate::run(config),
        Command::Pacs(command) => pacs::run(config, command),
        Command::Deliveries(command) => deliveries::run(config, command),
        Command::Routing(Routing::Check(arguments)) => routing::check(config, &arguments),
        Command::Selftest(target) => selftest::run(config, &target),
        Command::Demo(arguments) => demo::run(config, arguments),
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
