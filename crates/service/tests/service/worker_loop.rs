//! What becomes of a message, for every way in which handling it can end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{TestContext, eventually, open};
use async_trait::async_trait;
use norma_domain::{AnalysisId, Reason, ReasonCode, ScanId, Stage};
use norma_messages::{Envelope, Headers, Message};
use norma_queue::Delivery;
use norma_service::{
    Context, Handled, HandlerError, MessageHandler, Source, current_trace_headers, run_worker,
};
use tokio::task::JoinHandle;

/// The example of the W3C recommendation: version, trace, parent, sampled.
const TRACE_PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

type Script = dyn Fn(u32) -> Step + Send + Sync;

enum Step {
    Answer(Result<Handled, HandlerError>),
    Hang(Duration),
    Panic,
}

/// Answers each call as its script says, and remembers.
struct Scripted {
    script: Box<Script>,
    calls: AtomicU32,
    attempts: Mutex<Vec<u32>>,
    failures: Mutex<Vec<ReasonCode>>,
    /// The headers that an announcement made while handling would get.
    announced: Mutex<Vec<Headers>>,
}

#[async_trait]
impl MessageHandler for Scripted {
    async fn handle(&self, delivery: &Delivery) -> Result<Handled, HandlerError> {
        self.attempts.lock().unwrap().push(delivery.attempt);
        self.announced.lock().unwrap().push(current_trace_headers());
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match (self.script)(call) {
            Step::Answer(answer) => answer,
            Step::Hang(time) => {
                tokio::time::sleep(time).await;
                Ok(Handled::Completed)
            }
            Step::Panic => panic!("as the script says"),
        }
    }

    async fn record_failure(&self, _: &Delivery, reason: Reason) -> Result<Handled, HandlerError> {
        self.failures.lock().unwrap().push(reason.code);
        Ok(Handled::Completed)
    }
}

impl Scripted {
    fn new(script: impl Fn(u32) -> Step + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            calls: AtomicU32::new(0),
            attempts: Mutex::default(),
            failures: Mutex::default(),
            announced: Mutex::default(),
        })
    }

    fn attempts(&self) -> Vec<u32> {
        self.attempts.lock().unwrap().clone()
    }

    fn failures(&self) -> Vec<ReasonCode> {
        self.failures.lock().unwrap().clone()
    }
}

fn broken() -> HandlerError {
    HandlerError::retryable(anyhow::anyhow!("broken"))
}

async fn start(context: &Context, handler: &Arc<Scripted>) -> JoinHandle<anyhow::Result<()>> {
    let message = Message::StudyPrepared {
        analysis_id: AnalysisId::generate(),
        scan_id: ScanId::generate(),
    };
    let headers = [("traceparent", TRACE_PARENT)].into_iter().collect();
    let envelope = Envelope::with_headers(message, headers);
    context.queue.publish(&envelope).await.unwrap();
    let handler: Arc<dyn MessageHandler> = Arc::clone(handler) as _;
    tokio::spawn(run_worker(
        context.clone(),
        Source::Stage(Stage::Anomaly),
        handler,
    ))
}

/// Runs the worker until it has called the handler `calls` times and ends it.
async fn run_for(
    context: &TestContext,
    calls: u32,
    script: impl Fn(u32) -> Step + Send + Sync + 'static,
) -> Arc<Scripted> {
    let handler = Scripted::new(script);
    let worker = start(&context.context, &handler).await;
    eventually("the handler is called", async || {
        handler.calls.load(Ordering::SeqCst) >= calls
    })
    .await;
    // Time for a call too many.
    tokio::time::sleep(Duration::from_millis(100)).await;
    context.context.shutdown.cancel();
    worker.await.unwrap().unwrap();
    assert_eq!(handler.calls.load(Ordering::SeqCst), calls);
    handler
}

async fn waiting(context: &TestContext) -> (u64, u64) {
    let queue = &context.context.queue;
    (
        queue.depth(Stage::Anomaly).await.unwrap(),
        queue.dead_letter_depth().await.unwrap(),
    )
}

#[tokio::test]
async fn what_is_completed_or_obsolete_is_acknowledged() {
    for handled in [Handled::Completed, Handled::Obsolete] {
        let context = open(|_| {}).await;
        let handler = run_for(&context, 1, move |_| Step::Answer(Ok(handled))).await;
        assert_eq!(waiting(&context).await, (0, 0));
        assert!(handler.failures().is_empty());
    }
}

#[tokio::test]
async fn what_is_announced_while_handling_belongs_to_the_trace_of_the_message() {
    let context = open(|_| {}).await;
    let handler = run_for(&context, 1, |_| Step::Answer(Ok(Handled::Completed))).await;
    let announced = handler.announced.lock().unwrap();
    let parent = announced[0].get("traceparent").expect("a trace context");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-";
    assert!(parent.starts_with(trace) && parent != TRACE_PARENT, "{parent}");
}

#[tokio::test]
async fn what_is_rejected_is_not_tried_again() {
    let context = open(|_| {}).await;
    let handler = run_for(&context, 1, |_| {
        Step::Answer(Err(HandlerError::rejected(ReasonCode::ModelMissing, "no model")))
    })
    .await;
    assert_eq!(handler.failures(), [ReasonCode::ModelMissing]);
    assert_eq!(waiting(&context).await, (0, 0));
}

#[tokio::test]
async fn what_may_succeed_later_does() {
    let context = open(|_| {}).await;
    let handler = run_for(&context, 3, |call| {
        Step::Answer(if call < 3 {
            Err(broken())
        } else {
            Ok(Handled::Completed)
        })
    })
    .await;
    assert_eq!(handler.attempts(), [1, 2, 3]);
    assert!(handler.failures().is_empty());
    assert_eq!(waiting(&context).await, (0, 0));
}

#[tokio::test]
async fn what_never_succeeds_is_a_dead_letter() {
    let context = open(|_| {}).await;
    let handler = run_for(&context, 3, |_| Step::Answer(Err(broken()))).await;
    assert_eq!(handler.attempts(), [1, 2, 3]);
    assert!(handler.failures().is_empty());
    assert_eq!(waiting(&context).await, (0, 1));
}

#[tokio::test]
async fn what_never_succeeds_for_a_known_reason_is_recorded_at_its_last_attempt() {
    let context = open(|_| {}).await;
    let handler = run_for(&context, 3, |_| {
        let reason = Reason::new(ReasonCode::InferenceFailed, "out of memory");
        Step::Answer(Err(HandlerError::retryable_with(reason)))
    })
    .await;
    assert_eq!(handler.attempts(), [1, 2, 3]);
    assert_eq!(handler.failures(), [ReasonCode::InferenceFailed]);
    assert_eq!(waiting(&context).await, (0, 0));
}

#[tokio::test]
async fn a_panic_is_an_error_like_others() {
    let context = open(|_| {}).await;
    let handler = run_for(&context, 2, |call| {
        if call == 1 {
            Step::Panic
        } else {
            Step::Answer(Ok(Handled::Completed))
        }
    })
    .await;
    assert_eq!(handler.attempts(), [1, 2]);
    assert_eq!(waiting(&context).await, (0, 0));
}

#[tokio::test]
async fn a_stage_has_its_time() {
    let context = open(|settings| settings.workers.timeout_seconds.anomaly = 1).await;
    let handler = Scripted::new(|_| Step::Hang(Duration::from_secs(3600)));
    let worker = start(&context.context, &handler).await;
    eventually("the failure is recorded", async || !handler.failures().is_empty()).await;
    context.context.shutdown.cancel();
    worker.await.unwrap().unwrap();
    assert_eq!(
        handler.attempts(),
        [1, 2, 3],
        "the time's end is tried again before it is final"
    );
    assert_eq!(handler.failures(), [ReasonCode::StageTimeout]);
    assert_eq!(waiting(&context).await, (0, 0));
}

/// Blocks a thread beyond the stage's time, twice, and counts how many do so at once.
struct Blocking {
    calls: AtomicU32,
    at_once: Arc<AtomicU32>,
    most: Arc<AtomicU32>,
}

#[async_trait]
impl MessageHandler for Blocking {
    async fn handle(&self, _: &Delivery) -> Result<Handled, HandlerError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let (at_once, most) = (Arc::clone(&self.at_once), Arc::clone(&self.most));
        norma_service::run_blocking(move || {
            most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(if call < 3 { 1800 } else { 10 }));
            at_once.fetch_sub(1, Ordering::SeqCst);
        })
        .await?;
        Ok(Handled::Completed)
    }

    async fn record_failure(&self, _: &Delivery, reason: Reason) -> Result<Handled, HandlerError> {
        panic!("recorded {reason}");
    }
}

#[tokio::test]
async fn what_outlasts_its_time_is_waited_for_before_it_is_tried_again() {
    let context = open(|settings| settings.workers.timeout_seconds.anomaly = 1).await;
    let handler = Arc::new(Blocking {
        calls: AtomicU32::new(0),
        at_once: Arc::default(),
        most: Arc::default(),
    });
    let message = Message::StudyPrepared {
        analysis_id: AnalysisId::generate(),
        scan_id: ScanId::generate(),
    };
    let queue = &context.context.queue;
    queue.publish(&Envelope::new(message)).await.unwrap();
    let worker = tokio::spawn(run_worker(
        context.context.clone(),
        Source::Stage(Stage::Anomaly),
        Arc::clone(&handler) as Arc<dyn MessageHandler>,
    ));
    eventually("the third try completes", async || {
        handler.calls.load(Ordering::SeqCst) == 3 && waiting(&context).await == (0, 0)
    })
    .await;
    assert_eq!(handler.most.load(Ordering::SeqCst), 1, "two ran side by side");
    context.context.shutdown.cancel();
    worker.await.unwrap().unwrap();
}

/// A full disk is nobody's fault: however often it is met, no attempt is used up, and the worker says that it waits.
#[tokio::test]
async fn a_full_disk_is_no_attempt() {
    let context = open(|_| {}).await;
    let handler = Scripted::new(|call| {
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        Step::Answer(match call {
            1 => Err(full().into()),
            2 => Err(norma_object_storage::ObjectError::StorageFull(Box::new(full())).into()),
            3 => Err(norma_database::DatabaseError::Unavailable("full".to_owned()).into()),
            _ => Ok(Handled::Completed),
        })
    });
    let worker = start(&context.context, &handler).await;
    eventually("the worker says that it waits", async || {
        let dependencies = context.context.check_dependencies().await;
        dependencies
            .iter()
            .any(|one| one.name == "work of anomaly" && one.problem.is_some())
    })
    .await;
    eventually("the message is handled", async || handler.attempts().len() == 4).await;
    eventually("the worker is ready again", async || {
        let dependencies = context.context.check_dependencies().await;
        dependencies.iter().all(|one| one.ready)
    })
    .await;
    context.context.shutdown.cancel();
    worker.await.unwrap().unwrap();
    assert_eq!(handler.attempts(), [1, 1, 1, 1]);
    assert!(handler.failures().is_empty());
    assert_eq!(waiting(&context).await, (0, 0));
}

#[tokio::test]
async fn shutdown_lets_what_runs_finish() {
    let context = open(|_| {}).await;
    let handler = Scripted::new(|_| Step::Hang(Duration::from_millis(300)));
    let worker = start(&context.context, &handler).await;
    eventually("the message is handled", async || !handler.attempts().is_empty()).await;
    context.context.shutdown.cancel();
    worker.await.unwrap().unwrap();
    assert_eq!(waiting(&context).await, (0, 0));
}

#[tokio::test]
async fn shutdown_returns_what_does_not_finish() {
    let context = open(|_| {}).await;
    let handler = Scripted::new(|_| Step::Hang(Duration::from_secs(3600)));
    let worker = start(&context.context, &handler).await;
    eventually("the message is handled", async || !handler.attempts().is_empty()).await;
    context.context.shutdown.cancel();
    worker.await.unwrap().unwrap();
    assert_eq!(waiting(&context).await, (1, 0));
}

#[tokio::test]
async fn while_something_is_missing_no_attempt_is_used_up() {
    let context = open(|_| {}).await;
    // A file in the place of the folder: the object storage takes no writes.
    let objects = context.folder().join("objects");
    let aside = context.folder().join("aside");
    std::fs::rename(&objects, &aside).unwrap();
    std::fs::write(&objects, "").unwrap();
    let place = objects.clone();
    let handler = Scripted::new(move |_| {
        Step::Answer(if place.is_dir() {
            Ok(Handled::Completed)
        } else {
            Err(broken())
        })
    });
    let worker = start(&context.context, &handler).await;
    eventually("the message is handled", async || !handler.attempts().is_empty()).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    std::fs::remove_file(&objects).unwrap();
    std::fs::rename(&aside, &objects).unwrap();
    eventually("it is handled again", async || handler.attempts().len() == 2).await;
    context.context.shutdown.cancel();
    worker.await.unwrap().unwrap();
    assert_eq!(handler.attempts(), [1, 1]);
    assert_eq!(waiting(&context).await, (0, 0));
}
