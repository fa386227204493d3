//! Results on their way to a PACS, at the terminal.

use std::path::Path;
use std::process::ExitCode;

use norma_database::{
    Database, DeliveredObject, Delivery, DeliveryQuery, DeliveryState, NewAuditEvent, Page, SentAgain,
};
use norma_domain::DeliveryId;

use super::blocking::block_on;
use super::installation::{COMMAND_LINE, open};
use super::terminal::{EXIT_PARTIAL, answer, tell};
use crate::command_line::{Deliveries, ListDeliveries, SendAgain};

pub(crate) fn run(config: Option<&Path>, command: Deliveries) -> anyhow::Result<ExitCode> {
    block_on(async {
        match command {
            Deliveries::List(arguments) => list(config, arguments).await,
            Deliveries::SendAgain(arguments) => send_again(config, arguments).await,
        }
    })
}

async fn list(config: Option<&Path>, arguments: ListDeliveries) -> anyhow::Result<ExitCode> {
    let (database, _) = open(config, &arguments.installation).await?;
    let query = DeliveryQuery {
        state: arguments.state.map(Into::into),
        destination: arguments.destination,
        analysis_id: None,
    };
    let part = Page {
        limit: arguments.limit,
        offset: 0,
    };
    let listing = database.list_deliveries(query, part).await?;
    for delivery in &listing.items {
        answer(&line_of(delivery));
    }
    tell(&format!("{} of {}", listing.items.len(), listing.total));
    Ok(ExitCode::SUCCESS)
}

fn line_of(delivery: &Delivery) -> String {
    let mut line = format!(
        "{}  {:<9}  {:<16}  tries {:<3}  {}  scan {}",
        delivery.id,
        delivery.state.as_str(),
        delivery.destination,
        delivery.attempts,
        delivery.updated_at.format("%F %R"),
        delivery.scan_id
    );
    let why = [&delivery.reason_code, &delivery.peer_status];
    for part in why.into_iter().flatten() {
        line.push_str("  ");
        line.push_str(part);
    }
    let refused: Vec<&DeliveredObject> = delivery
        .objects
        .iter()
        .filter(|object| object.refusal.is_some())
        .collect();
    if !refused.is_empty() {
        let names: Vec<&str> = refused.iter().map(|object| object.name.as_str()).collect();
        line.push_str(&format!(
            "  {} taken, refused: {}",
            delivery.objects.len() - refused.len(),
            names.join(" ")
        ));
    }
    line
}

async fn send_again(config: Option<&Path>, arguments: SendAgain) -> anyhow::Result<ExitCode> {
    let (database, _) = open(config, &arguments.installation).await?;
    if arguments.failed {
        let mut event = NewAuditEvent::of_system(COMMAND_LINE, "delivery.send_again");
        event.detail = match &arguments.destination {
            Some(destination) => format!("all that failed to {destination}"),
            None => "all that failed".to_owned(),
        };
        database.append_audit_events(vec![event]).await?;
        let queued = database
            .send_failed_deliveries_again(arguments.destination)
            .await?;
        tell(&format!("{queued} queued again"));
        return Ok(ExitCode::SUCCESS);
    }
    let mut is_whole = true;
    for id in arguments.ids {
        is_whole &= send_one_again(&database, id).await?;
    }
    Ok(if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_PARTIAL)
    })
}

async fn send_one_again(database: &Database, id: DeliveryId) -> anyhow::Result<bool> {
    let event = NewAuditEvent::of_system(COMMAND_LINE, "delivery.send_again").about("delivery", id);
    database.append_audit_events(vec![event]).await?;
    let (what, is_queued) = match database.send_delivery_again(id).await? {
        Some(SentAgain::Queued(delivery)) => (format!("queued again for {}", delivery.destination), true),
        Some(SentAgain::Waiting) => ("has not ended: it is sent anyway".to_owned(), false),
        None => ("there is no such delivery".to_owned(), false),
    };
    tell(&format!("{id}: {what}"));
    Ok(is_queued)
}

impl From<crate::command_line::DeliveryState> for DeliveryState {
    fn from(state: crate::command_line::DeliveryState) -> Self {
        use crate::command_line::DeliveryState as Typed;
        match state {
            Typed::Queued => Self::Queued,
            Typed::Sending => Self::Sending,
            Typed::Delivered => Self::Delivered,
            Typed::Failed => Self::Failed,
        }
    }
}
