//! Holds a delivery while it is sent.

use std::time::{Duration, Instant};

use norma_database::{ClaimedDelivery, Database};
use tokio::time::{sleep, timeout};

/// After which another process takes a delivery whose process died.
pub(super) const LEASE: Duration = Duration::from_secs(45);
const RENEWED_EVERY: Duration = Duration::from_secs(8);
/// How long a lease that could not be renewed counts here: less than in the database, so that two never send at once.
const TRUSTED: Duration = Duration::from_secs(30);

/// Renews the lease again and again; returns once it is lost. `since`: before it was taken.
pub(super) async fn hold(database: &Database, claimed: &ClaimedDelivery, since: Instant) {
    let mut held_since = since;
    loop {
        sleep(RENEWED_EVERY).await;
        let asked = Instant::now();
        let left = TRUSTED.saturating_sub(held_since.elapsed());
        match timeout(left, database.renew_delivery(claimed, LEASE)).await {
            Ok(Ok(true)) => held_since = asked,
            // The database may answer next time.
            Ok(Err(_)) => {}
            Ok(Ok(false)) | Err(_) => return,
        }
    }
}
