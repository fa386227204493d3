//! Ten studies in flight while something dies: ten reports, none twice, empty queues. `scripts/chaos` does it with more.

use std::time::Duration;

use norma_domain::Stage;

use crate::ONE_AT_A_TIME;
use crate::installation::Installation;
use crate::studies::test_bundle;

/// Some wait and some are in hand when it happens.
const STUDIES: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_worker_may_be_killed() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(mut installation) = Installation::start(&test_bundle()).await else {
        return;
    };
    for stage in Stage::ALL {
        let analyses = installation.request_studies(STUDIES).await;
        installation.wait_until_busy(stage).await;
        installation.kill_worker(stage);
        tokio::time::sleep(Duration::from_millis(500)).await;
        installation.start_worker(stage);
        installation.assert_all_reported(&analyses).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_may_be_restarted() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(mut installation) = Installation::start(&test_bundle()).await else {
        return;
    };
    let analyses = installation.request_studies(STUDIES).await;
    installation.wait_until_busy(Stage::Anomaly).await;
    let mut broker = installation.broker.take().unwrap();
    let broker = tokio::task::spawn_blocking(move || {
        broker.stop();
        std::thread::sleep(Duration::from_secs(1));
        broker.start_again().unwrap();
        broker
    });
    installation.broker = Some(broker.await.unwrap());
    installation.assert_all_reported(&analyses).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_may_be_restarted() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(mut installation) = Installation::start(&test_bundle()).await else {
        return;
    };
    let analyses = installation.request_studies(STUDIES).await;
    installation.wait_until_busy(Stage::Anomaly).await;
    let mut postgresql = installation.postgresql.take().unwrap();
    let postgresql = tokio::task::spawn_blocking(move || {
        postgresql.stop();
        std::thread::sleep(Duration::from_secs(3));
        postgresql.start_again().unwrap();
        postgresql
    });
    installation.postgresql = Some(postgresql.await.unwrap());
    installation.assert_all_reported(&analyses).await;
}
