//! The loop: take the place, open the bundle, read what was answered.

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use norma_database::ShadowBundle;
use norma_service::{Context, ShadowSettings};
use norma_site::ShadowReport;
use tokio::time::Instant;

use crate::models::SecondBundle;
use crate::numbers;
use crate::reading::read;
use crate::turn::{INTERVAL, Place};

/// After a failure, before it is tried again.
const PAUSE: Duration = Duration::from_secs(30);
/// How often studies are counted.
const COUNT_EVERY: Duration = Duration::from_secs(20);
/// How often it is looked which of its answers can be read, and at how many of the newest.
const READ_EVERY: Duration = Duration::from_secs(300);
const READ_NEWEST: u32 = 2000;
/// Studies counted as missed in one go.
const MISSED_AT_ONCE: u32 = 200;

/// Until shutdown.
pub(crate) async fn watch(context: Context) {
    let settings = context.settings.analysis.shadow.clone();
    let place = Place::of(&context);
    let mut open: Option<Open> = None;
    while !context.shutdown.is_cancelled() {
        let pause = match look(&context, &settings, &place, &mut open).await {
            // There may be more.
            Ok(Looked::Read) => continue,
            Ok(Looked::Nothing) => INTERVAL,
            Ok(Looked::Elsewhere) => PAUSE,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the second bundle does not read");
                PAUSE
            }
        };
        tokio::select! {
            () = context.shutdown.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    place.leave().await;
}

struct Open {
    second: Arc<SecondBundle>,
    noted: ShadowBundle,
    counted: Option<Instant>,
    looked: Option<Instant>,
}

enum Looked {
    Read,
    Nothing,
    /// Another process of this installation reads.
    Elsewhere,
}

async fn look(
    context: &Context,
    settings: &ShadowSettings,
    place: &Place,
    open: &mut Option<Open>,
) -> anyhow::Result<Looked> {
    let database = &context.database;
    if !place.is_ours().await? {
        return Ok(Looked::Elsewhere);
    }
    if open.is_none() {
        *open = Some(open_second(context, settings, place).await?);
        // Says so.
        place.is_ours().await?;
    }
    let Some(Open {
        second,
        noted,
        counted,
        looked,
    }) = open
    else {
        return Ok(Looked::Nothing);
    };
    let sha256 = &noted.bundle.sha256;
    let catch_up = TimeDelta::hours(settings.catch_up_hours.into());
    let oldest = (Utc::now() - catch_up).max(noted.since);
    if counted.is_none_or(|counted| counted.elapsed() > COUNT_EVERY) {
        *counted = Some(Instant::now());
        let missed = database
            .miss_shadow_answers(sha256.clone(), noted.since, oldest, MISSED_AT_ONCE)
            .await?;
        if missed > 0 {
            tracing::warn!(missed, "the second bundle did not come to studies in time");
            numbers::missed(missed);
        }
        numbers::waiting(database.shadow_counts(noted.clone()).await?);
    }
    if looked.is_none_or(|looked| looked.elapsed() > READ_EVERY) {
        *looked = Some(Instant::now());
        numbers::unreadable(ShadowReport::read(database, READ_NEWEST).await?.unreadable);
    }
    let next = database.next_for_shadow(sha256.clone(), oldest).await?;
    let Some(id) = next else {
        return Ok(Looked::Nothing);
    };
    if !place.comes().await? {
        return Ok(Looked::Nothing);
    }
    read(context, place, second, id).await?;
    Ok(Looked::Read)
}

/// Opens the bundle that the settings name. What is wrong with it is told in the page and as a metric, and makes no process unready that
/// has other work.
async fn open_second(context: &Context, settings: &ShadowSettings, place: &Place) -> anyhow::Result<Open> {
    let database = &context.database;
    let Some(path) = &settings.bundle else {
        anyhow::bail!("the setting analysis.shadow.bundle names none");
    };
    let opening = SecondBundle::open(path, &context.settings.models);
    let opened = place.while_waiting(opening).await;
    let Some(opened) = opened else {
        anyhow::bail!("the process is to end");
    };
    numbers::ready(opened.is_ok());
    let second = match opened {
        Ok(second) => second,
        Err(reason) => {
            database
                .note_shadow_reader(None, Some(reason.to_string()))
                .await?;
            anyhow::bail!("{reason}");
        }
    };
    let noted = database.note_shadow_bundle(second.reference().clone()).await?;
    place.reads_with(noted.bundle.sha256.clone());
    tracing::info!(
        bundle = %format!("{} {}", noted.bundle.name, noted.bundle.version),
        since = %noted.since,
        "a second bundle reads what was answered"
    );
    Ok(Open {
        second,
        noted,
        counted: None,
        looked: None,
    })
}
