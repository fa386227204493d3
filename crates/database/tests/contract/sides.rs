//! The two databases that each test runs against.

use std::future::Future;

use norma_database::Database;
use tempfile::TempDir;

/// A fresh, empty database.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    pub(crate) database: Database,
    _folder: Option<TempDir>,
}

async fn sqlite() -> Side {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/new/norma.db", folder.path().display());
    let database = Database::open(&url).await.unwrap();
    Side {
        name: "sqlite",
        url,
        database,
        _folder: Some(folder),
    }
}

/// Runs a test against both sides.
pub(crate) fn on_both_sides<F: Future<Output = ()>>(test: impl Fn(Side) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        test(sqlite().await).await;
    });
}
