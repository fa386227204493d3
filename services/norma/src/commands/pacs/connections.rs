//! The systems of the settings, and the studies that come, at the terminal.

use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use norma_database::{ArrivingStudy, WaitsFor};
use norma_domain::CountedBy;
use norma_gateway::{Connections, PeerWay};

use crate::command_line::{PacsArrivals, PacsConnections};
use crate::commands::blocking::block_on;
use crate::commands::installation::open;
use crate::commands::terminal::{EXIT_PARTIAL, answer, tell};

pub(super) fn connections(config: Option<&Path>, arguments: &PacsConnections) -> anyhow::Result<ExitCode> {
    block_on(async {
        let (database, settings) = open(config, &arguments.installation).await?;
        let connections = Connections::of_settings(&settings)?;
        match &connections.node {
            Some(node) => tell(&format!("this node: {} on {}", node.ae_title, node.address)),
            None => tell("this node does not listen (pacs.enabled)"),
        }
        let mut all_are_there = true;
        for peer in connections.peers() {
            let name = peer.name.clone();
            let (way, contact) = match peer.way {
                PeerWay::Source => ("source", database.source_contact(name).await?),
                PeerWay::Destination => ("destination", database.destination_contact(name).await?),
            };
            let mut line = format!(
                "{way:<11}  {:<16}  {:<16}  {:<32}  last success {}",
                peer.name,
                peer.ae_title().unwrap_or_default(),
                peer.address,
                moment(contact.last_success_at),
            );
            if let Some(code) = contact.last_failure_code {
                let status = contact.last_peer_status.unwrap_or_default();
                line.push_str(&format!(
                    "  last failure {}  {code} {status}",
                    moment(contact.last_failure_at)
                ));
            }
            if arguments.echo
                && let Some(echo) = peer.echo().await
            {
                let took = echo.duration.as_millis();
                match echo.failure {
                    None => line.push_str(&format!("  answers, after {took} ms")),
                    Some((code, status)) => {
                        all_are_there = false;
                        line.push_str(&format!(
                            "  does not answer: {code} {}",
                            status.unwrap_or_default()
                        ));
                    }
                }
            }
            answer(line.trim_end());
        }
        for caller in database.pacs_callers().await? {
            let mut line = format!(
                "caller       {:<16}  {} taken, {} refused, last {}",
                caller.ae_title,
                caller.taken,
                caller.refused,
                moment(Some(caller.last_at)),
            );
            if let Some(status) = caller.last_refusal {
                line.push_str(&format!(
                    "  last refusal {}  {status}",
                    moment(caller.last_refused_at)
                ));
            }
            answer(&line);
        }
        Ok(match all_are_there {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(EXIT_PARTIAL),
        })
    })
}

pub(super) fn arrivals(config: Option<&Path>, arguments: &PacsArrivals) -> anyhow::Result<ExitCode> {
    block_on(async {
        let (database, _) = open(config, &arguments.installation).await?;
        let studies = database.arriving_studies().await?;
        for study in &studies {
            answer(&line_of(study));
        }
        tell(&format!("{} studies come", studies.len()));
        Ok(ExitCode::SUCCESS)
    })
}

fn line_of(study: &ArrivingStudy) -> String {
    let expected = study.count.and_then(|count| Some((count, count.expected?)));
    let instances = match expected {
        Some((count, expected)) => {
            let by = match count.counted_by {
                CountedBy::Mpps => "the modality (MPPS)",
                CountedBy::Source => "the archive (C-FIND)",
                CountedBy::Stated => "the instances",
            };
            format!("{} of {expected} instances, by {by}", count.came)
        }
        None => format!("{} instances", study.instances),
    };
    let waits_for = match study.waits_for {
        WaitsFor::Quiet => "the quiet period",
        WaitsFor::Pull => "the rest that is pulled",
        WaitsFor::Instances => "missing instances",
        WaitsFor::Count => "word of how many there are",
    };
    format!(
        "{}  from {}  {instances}  first {}  waits for {waits_for} until {}",
        study.study_instance_uid.as_deref().unwrap_or("-"),
        if study.callers.is_empty() {
            "-".to_owned()
        } else {
            study.callers.join(" ")
        },
        moment(Some(study.first_at)),
        moment(study.at_latest),
    )
}

fn moment(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| at.format("%F %T").to_string())
}
