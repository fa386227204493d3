//! The node at work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use norma_dicom_network::{InstanceSink, OutcomeListener, Scp, StepListener};
use norma_dicom_spool::{Spool, TakenStudy};
use norma_domain::ScanId;
use norma_service::{pause, repeat};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::dicomweb::DicomWeb;
use crate::instance_counts::Steps;
use crate::pacs::arrivals::Arrivals;
use crate::pacs::commitment_reporter::CommitmentReporter;
use crate::pacs::commitments::Commitments;
use crate::pacs::completeness::{Completeness, Look};
use crate::pacs::hand_over::{HandOver, HandedOver};
use crate::pacs::noted_arrivals::NotedArrivals;
use crate::pacs::options::PacsOptions;
use crate::pacs::sink::SpoolSink;
use crate::pacs::stored::StoredStudies;
use crate::pacs::traffic::Traffic;
use crate::predictions::Predictions;
use crate::pulls::{PullWatch, Puller, PullerParts};

const TURN: Duration = Duration::from_millis(500);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const FORGOTTEN_EVERY: Duration = Duration::from_secs(3600);

/// Receives, and hands complete studies over.
pub(crate) struct Receiver {
    listener: TcpListener,
    options: PacsOptions,
    spool: Arc<Spool>,
    predictions: Predictions,
    web: Arc<DicomWeb>,
    /// Is told what destinations have stored.
    outcomes: Option<Arc<dyn OutcomeListener>>,
}

/// When a study is tried again.
struct Pause {
    until: Instant,
    length: Duration,
}

impl Receiver {
    /// Listens and opens the spool.
    ///
    /// # Errors
    /// Where the port is taken, or the spool cannot be used or is another process's.
    pub(crate) async fn open(
        options: PacsOptions,
        (predictions, web): (Predictions, Arc<DicomWeb>),
        outcomes: Option<Arc<dyn OutcomeListener>>,
    ) -> anyhow::Result<Self> {
        let spool = Spool::open(&options.folder).context("failed to open the spool (pacs.folder)")?;
        let listener = TcpListener::bind(options.address)
            .await
            .context("failed to listen for DICOM (pacs.address, pacs.port)")?;
        Ok(Self {
            listener,
            options,
            spool: Arc::new(spool),
            predictions,
            web,
            outcomes,
        })
    }

    /// Serves until `stopping`. What was received before is handed over a quiet period after the models are there.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let arrivals = Arc::new(Arrivals::default());
        let gateway = Arc::clone(&self.predictions.gateway);
        let stored = Arc::new(StoredStudies::new(Arc::clone(&gateway), Arc::clone(&self.web)));
        let traffic = Arc::new(Traffic::default());
        let watch = Arc::new(PullWatch::new(self.options.ae_title.clone()));
        let sink: Arc<dyn InstanceSink> = Arc::new(SpoolSink {
            spool: Arc::clone(&self.spool),
            arrivals: Arc::clone(&arrivals),
            stored: Arc::clone(&stored),
            gateway: Arc::clone(&gateway),
            urgent_callers: self.options.urgent_callers.clone(),
            watch: Arc::clone(&watch),
            traffic: Arc::clone(&traffic),
            told: Mutex::default(),
        });
        let mut scp = Scp::new(self.options.scp(self.spool.receiving()), Arc::clone(&sink));
        let puller = Puller::new(PullerParts {
            database: gateway.database.clone(),
            sources: self.options.sources.clone(),
            own: self.options.ae_title.clone(),
            priors: self.options.priors.clone(),
            watch: Arc::clone(&watch),
            sink,
            folder: self.spool.receiving(),
            instance_bytes: self.options.instance_bytes,
            free_floor_bytes: self.options.free_floor_bytes,
            give_up: self.options.give_up,
        });
        puller.remember().await;
        let peers = self.options.commitment_peers.clone();
        if !peers.is_empty() {
            let titles = peers.iter().map(|peer| peer.title.clone()).collect();
            let commitments = Commitments::new(Arc::clone(&gateway), Arc::clone(&self.spool), titles);
            scp = scp.with_commitment(Arc::new(commitments));
        }
        if let Some(outcomes) = &self.outcomes {
            scp = scp.with_outcomes(Arc::clone(outcomes));
        }
        let expected = Arc::clone(&self.options.expected);
        let steps = Arc::new(Steps::new(gateway.database.clone(), Arc::clone(&expected)));
        if expected.has_steps() {
            scp = scp.with_steps(Arc::clone(&steps) as Arc<dyn StepListener>);
        }
        let mut completeness = Completeness::new(
            expected,
            Arc::clone(&steps),
            (self.options.sources.clone(), Arc::clone(&watch)),
            (Arc::clone(&self.spool), Arc::clone(&stored)),
        );
        let database = gateway.database.clone();
        let reporter = CommitmentReporter {
            gateway,
            peers,
            give_up: self.options.give_up,
        };
        tracing::info!(ae_title = %self.options.ae_title, address = %self.options.address, "the DICOM node listens");
        let Self {
            listener,
            options,
            spool,
            predictions,
            web,
            outcomes: _,
        } = self;
        let hand_over = HandOver {
            predictions,
            web,
            priors: options.priors.clone(),
        };
        let handing = async {
            let mut pauses = HashMap::new();
            let mut noted = NotedArrivals::new(database, Arc::clone(&spool), traffic);
            // Nothing could be stored before, and a peer whose association broke sends the rest of its study meanwhile.
            while hand_over.predictions.bundle.question(None).await.is_err() {
                if !pause(TURN, &stopping).await {
                    return;
                }
            }
            match spool.incoming() {
                Ok(studies) => {
                    for study in studies {
                        arrivals.came(study, None);
                    }
                }
                Err(error) => tracing::error!(%error, "what was received before cannot be listed"),
            }
            while !stopping.is_cancelled() {
                for (study, last, is_quiet) in arrivals.all(options.quiet, |study| watch.is_unfinished(study))
                {
                    let looked = completeness.look(&study, Look { last, is_quiet });
                    let Some(count) = looked.await else { continue };
                    if !arrivals.end(&study, last) {
                        continue;
                    }
                    stored.forget(&study);
                    let taken = spool.note_count(&study, count).and_then(|()| spool.take(&study));
                    if let Err(error) = taken {
                        tracing::error!(%error, "a received study cannot be taken");
                        arrivals.came(study, None);
                    }
                }
                gauge("norma_pacs_studies_short", completeness.short());
                noted.note(&arrivals, &completeness, options.quiet).await;
                match spool.taken() {
                    Ok(taken) => {
                        gauge("norma_pacs_studies_waiting", arrivals.count() + taken.len());
                        hand_over_all(&hand_over, &spool, taken, &mut pauses, &stopping).await;
                    }
                    Err(error) => tracing::error!(%error, "received studies cannot be listed"),
                }
                if let Ok(refused) = spool.refused() {
                    gauge("norma_pacs_studies_refused", refused);
                }
                pause(TURN, &stopping).await;
            }
        };
        tokio::join!(
            scp.serve(listener, stopping.clone()),
            handing,
            reporter.run(stopping.clone()),
            puller.run(stopping.clone()),
            repeat(FORGOTTEN_EVERY, &stopping, || steps.forget()),
        );
    }
}

async fn hand_over_all(
    hand_over: &HandOver,
    spool: &Spool,
    all: Vec<TakenStudy>,
    pauses: &mut HashMap<ScanId, Pause>,
    stopping: &CancellationToken,
) {
    for taken in all {
        let scan_id = taken.scan_id();
        let waits = pauses
            .get(&scan_id)
            .is_some_and(|pause| pause.until > Instant::now());
        if waits || stopping.is_cancelled() {
            continue;
        }
        let ended = match hand_over.run(&taken).await {
            Ok(done) => {
                let outcome = match done {
                    HandedOver::Stored => "stored",
                    HandedOver::Repeated => "repeated",
                };
                tracing::info!(%scan_id, outcome, "a received study was handed over");
                spool.finish(&taken).map(|()| outcome)
            }
            Err(error) if error.is_final() => {
                tracing::warn!(%scan_id, code = error.code(), "a received study was refused: it lies in `refused`");
                spool.refuse(&taken, error.code()).map(|()| "refused")
            }
            Err(error) => {
                let length = pauses.get(&scan_id).map_or(FIRST_PAUSE, |pause| pause.length * 2);
                let length = length.min(LONGEST_PAUSE);
                tracing::warn!(%scan_id, code = error.code(), retry_in_s = length.as_secs(),
                    error = format!("{:#}", anyhow::Error::new(error)), "a received study waits");
                let until = Instant::now() + length;
                pauses.insert(scan_id, Pause { until, length });
                continue;
            }
        };
        pauses.remove(&scan_id);
        match ended {
            Ok(outcome) => metrics::counter!("norma_pacs_studies_total", "outcome" => outcome).increment(1),
            // It is looked at again, and known.
            Err(error) => tracing::error!(%scan_id, %error, "a received study could not be moved on"),
        }
    }
}

fn gauge(name: &'static str, count: usize) {
    metrics::gauge!(name).set(count as f64);
}
