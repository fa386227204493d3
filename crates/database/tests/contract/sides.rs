//! The two databases that each test runs against.

use std::future::Future;
use std::path::Path;

use norma_database::Database;
use norma_test_support::servers::PostgreSql;

/// A fresh, empty database.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    pub(crate) database: Database,
}

async fn sqlite(folder: &Path) -> Side {
    let url = format!("sqlite://{}/new/norma.db", folder.display());
    Side {
        name: "sqlite",
        database: Database::open(&url).await.unwrap(),
        url,
    }
}

async fn postgresql(server: &PostgreSql) -> Side {
    let url = server.fresh_database();
    Side {
        name: "postgresql",
        database: Database::open(&url).await.unwrap(),
        url,
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
        let folder = tempfile::tempdir().unwrap();
        test(sqlite(folder.path()).await).await;
        if let Some(server) = PostgreSql::shared() {
            test(postgresql(server).await).await;
        }
    });
}
