//! What fails while studies come: each service and each store of an installation of many processes, behind its gateway.
//! `scripts/chaos` runs the whole; `cargo test` a sample of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backlog;
mod clients;
mod faults;
mod site;
#[path = "../studies/mod.rs"]
mod studies;

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use clients::Clients;
use faults::Fault;
use site::{ObjectStore, Site};

/// One installation at a time: each keeps two cores busy.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// `all`, or names of faults with commas between them.
const WANTED: &str = "NORMA_CHAOS";
/// In each run where nothing else is asked for; tests of the distributed installation kill its workers and stores.
const SAMPLE: (usize, Fault) = (3, Fault::FailOverDatabase);
const STUDIES: usize = 10;

fn plan() -> (usize, Vec<Fault>) {
    let Ok(wanted) = std::env::var(WANTED) else {
        return (SAMPLE.0, vec![SAMPLE.1]);
    };
    let names: Vec<&str> = wanted.split(',').map(str::trim).collect();
    let faults: Vec<Fault> = Fault::all()
        .into_iter()
        .filter(|fault| wanted == "all" || names.contains(&fault.to_string().as_str()))
        .collect();
    assert!(!faults.is_empty(), "{WANTED} names no fault: {wanted}");
    (STUDIES, faults)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_ends_once_whatever_fails() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (studies, faults) = plan();
    println!(
        "{:<24} {:>8} {:>8} {:>8} {:>6} {:>6} {:>8} {:>8}",
        "fault", "accepted", "ended", "failed", "lost", "twice", "refused", "seconds"
    );
    let (of_s3, others): (Vec<Fault>, Vec<Fault>) = faults.into_iter().partition(|fault| fault.wants_s3());
    let mut bad = strike_each(ObjectStore::Folder, studies, others).await;
    bad.extend(strike_each(ObjectStore::S3, studies, of_s3).await);
    assert!(bad.is_empty(), "{bad:#?}");
}

/// One fault after the other in one installation; what went wrong.
#[expect(clippy::print_stdout, reason = "the table is what is asked for")]
async fn strike_each(store: ObjectStore, studies: usize, faults: Vec<Fault>) -> Vec<String> {
    let mut bad = Vec::new();
    if faults.is_empty() {
        return bad;
    }
    let Some(mut site) = Site::start(store).await else {
        return bad;
    };
    for fault in faults {
        if !site.can(fault) {
            println!("{fault:<24} needs a disk of its own: run as root");
            continue;
        }
        let started = Instant::now();
        let clients = Clients::send(&site, studies);
        clients.wait_for_the_first(studies.div_ceil(4)).await;
        site.strike(fault).await;
        let accepted = clients.all_accepted().await;
        let tally = site.tally(&accepted.predictions).await;
        println!(
            "{:<24} {:>8} {:>8} {:>8} {:>6} {:>6} {:>8} {:>8.0}",
            fault.to_string(),
            accepted.predictions.len(),
            tally.ended,
            tally.failed.len(),
            tally.lost,
            tally.twice,
            accepted.refusals,
            started.elapsed().as_secs_f64()
        );
        let is_good = accepted.predictions.len() == studies
            && tally.ended == studies
            && tally.failed.is_empty()
            && tally.lost == 0
            && tally.twice == 0;
        if !is_good {
            bad.push(format!("{fault}: {tally:?}, {:?}", accepted.last_refusal));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    if !bad.is_empty() {
        bad.push(site.last_words());
    }
    bad
}
