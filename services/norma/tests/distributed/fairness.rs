//! A mass run of one key beside single studies of others, over PostgreSQL, RabbitMQ and seven processes that each relay.

use norma_domain::{AnalysisId, Priority};

use crate::ONE_AT_A_TIME;
use crate::installation::Installation;
use crate::studies::test_bundle;

const MASS_RUN: usize = 24;
/// Two wait for a worker, and as many as the worker has places (two) are at work: none of them is stopped.
const FEW: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_and_urgent_studies_pass_a_mass_run() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(installation) = Installation::start(&test_bundle()).await else {
        return;
    };
    let mut all = Vec::new();
    for _ in 0..MASS_RUN {
        all.push(installation.request_turn("mass run", Priority::Routine).await);
    }
    let mass_run = all.clone();
    installation
        .eventually("the mass run is under way", async || {
            (ended(&installation, &mass_run).await >= 2).then_some(())
        })
        .await;
    let before = ended(&installation, &mass_run).await;
    let single = installation.request_turn("reading room", Priority::Routine).await;
    let urgent = installation.request_turn("emergency", Priority::Urgent).await;
    for one in [urgent, single] {
        installation
            .eventually("it ends", async || {
                (ended(&installation, &[one]).await == 1).then_some(())
            })
            .await;
        let passed = ended(&installation, &mass_run).await - before;
        assert!(passed <= FEW, "{passed} of the mass run ended before it");
    }
    all.extend([single, urgent]);
    installation.assert_all_reported(&all).await;
}

async fn ended(installation: &Installation, analyses: &[AnalysisId]) -> usize {
    let mut count = 0;
    for id in analyses {
        let analysis = installation.database.analysis(*id).await.unwrap().unwrap();
        count += usize::from(analysis.status.is_final());
    }
    count
}
