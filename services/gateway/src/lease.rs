//! Holds a row of the database while something is done about it that lies outside of it.

use std::time::{Duration, Instant};

use norma_database::DatabaseError;
use tokio::time::{sleep, timeout};

/// After which another process takes a row whose process died.
pub(crate) const LEASE: Duration = Duration::from_secs(45);
const RENEWED_EVERY: Duration = Duration::from_secs(8);
/// How long a lease that could not be renewed counts here: less than in the database, so that two are never at once at it.
const TRUSTED: Duration = Duration::from_secs(30);

/// Renews the lease again and again; returns once it is lost. `since`: before it was taken.
pub(crate) async fn hold<F: Future<Output = Result<bool, DatabaseError>>>(
    since: Instant,
    renew: impl Fn() -> F,
) {
    let mut held_since = since;
    loop {
        sleep(RENEWED_EVERY).await;
        let asked = Instant::now();
        let left = TRUSTED.saturating_sub(held_since.elapsed());
        match timeout(left, renew()).await {
            Ok(Ok(true)) => held_since = asked,
            // The database may answer next time.
            Ok(Err(_)) => {}
            Ok(Ok(false)) | Err(_) => return,
        }
    }
}
