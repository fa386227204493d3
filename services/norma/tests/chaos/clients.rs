//! Clients that send a study again until it is accepted, each with a key of its own.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use norma_domain::ScanId;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::site::{PATIENCE, Site};

const BETWEEN: Duration = Duration::from_millis(400);
const PAUSE: Duration = Duration::from_millis(500);
const ANSWER: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(crate) struct Accepted {
    pub(crate) predictions: Vec<String>,
    /// Requests that got no answer, or that of a failure.
    pub(crate) refusals: usize,
    pub(crate) last_refusal: Option<String>,
}

impl Accepted {
    fn refused(&mut self, why: String) {
        self.refusals += 1;
        self.last_refusal = Some(why);
    }
}

pub(crate) struct Clients {
    accepted: Arc<Mutex<Accepted>>,
    sending: JoinSet<()>,
}

impl Clients {
    pub(crate) fn send(site: &Site, studies: usize) -> Self {
        let accepted = Arc::new(Mutex::new(Accepted::default()));
        let mut sending = JoinSet::new();
        for number in 0..studies {
            let client = reqwest::Client::builder().timeout(ANSWER).build().unwrap();
            let url = format!("{}/inference/predict", site.gateway);
            let (upload, accepted) = (site.upload.clone(), Arc::clone(&accepted));
            sending.spawn(async move {
                tokio::time::sleep(BETWEEN * u32::try_from(number).unwrap()).await;
                let key = ScanId::generate().to_string();
                let started = Instant::now();
                while started.elapsed() < PATIENCE {
                    let file = Part::bytes(upload.to_vec()).file_name("phantom.zip");
                    let request = client
                        .post(&url)
                        .header("prefer", "wait=0")
                        .header("idempotency-key", &key)
                        .multipart(Form::new().part("file", file));
                    let refusal = match request.send().await {
                        Ok(answer) => match answer.status().as_u16() {
                            200 | 202 => match prediction_of(answer).await {
                                Some(id) => {
                                    accepted.lock().unwrap().predictions.push(id);
                                    return;
                                }
                                None => "an answer that broke off".to_owned(),
                            },
                            status => format!("{status} {}", answer.text().await.unwrap_or_default()),
                        },
                        Err(error) => error.to_string(),
                    };
                    accepted.lock().unwrap().refused(refusal);
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        Self { accepted, sending }
    }

    /// Until so many are accepted: then something is under way.
    pub(crate) async fn wait_for_the_first(&self, count: usize) {
        let started = Instant::now();
        while self.accepted.lock().unwrap().predictions.len() < count {
            assert!(started.elapsed() < PATIENCE, "nothing is accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Once each was accepted, or gave up.
    pub(crate) async fn all_accepted(self) -> Accepted {
        self.sending.join_all().await;
        std::mem::take(&mut *self.accepted.lock().unwrap())
    }
}

async fn prediction_of(answer: reqwest::Response) -> Option<String> {
    let answer: Value = answer.json().await.ok()?;
    answer["id"].as_str().map(ToOwned::to_owned)
}
