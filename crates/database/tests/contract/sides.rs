//! The two databases that each test runs against.

use std::future::Future;
use std::path::Path;

use norma_database::{Database, DatabaseOptions, DatabaseUrl};
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

/// As the gateway uses it: signed in as a role that owns nothing. The owner's address is `url`.
async fn postgresql(server: &PostgreSql) -> Side {
    const ROLE: &str = "application_of_the_contract";
    // Of the server, not of a database: made once.
    static MADE: std::sync::Once = std::sync::Once::new();
    let url = server.fresh_database();
    MADE.call_once(|| drop(server.role(&url, ROLE)));
    let open = async |url: &str| {
        let options = DatabaseOptions {
            application_role: Some(ROLE.to_owned()),
            ..DatabaseOptions::new(DatabaseUrl::parse(url).unwrap())
        };
        Database::open_with(options).await.unwrap()
    };
    drop(open(&url).await);
    Side {
        name: "postgresql",
        database: open(&PostgreSql::signed_in_as(&url, ROLE)).await,
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
