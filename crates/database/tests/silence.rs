//! PostgreSQL falls silent without closing a connection, as a host does that loses its power: it is found again by the
//! defaults within half a minute, and nothing hangs meanwhile.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::time::{Duration, Instant};

use norma_database::{Database, DatabaseError, DatabaseOptions, DatabaseUrl, PatientDetails};
use norma_test_support::servers::{PostgreSql, Proxy};

const RECOVERY: Duration = Duration::from_secs(30);

fn details() -> PatientDetails {
    PatientDetails {
        first_name: "Ada".to_owned(),
        last_name: "Example".to_owned(),
        description: String::new(),
        ..PatientDetails::default()
    }
}

/// Fills the pool, so that it is full of connections that will be silent.
async fn use_many_connections(database: &Database) {
    let mut pings = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let database = database.clone();
        pings.spawn(async move { database.ping().await });
    }
    for ping in pings.join_all().await {
        ping.unwrap();
    }
}

#[test]
fn a_server_replaced_without_a_reset_is_found_again() {
    let Some(server) = PostgreSql::shared() else {
        return;
    };
    let (proxy, url) = Proxy::before(&server.fresh_database());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let database = Database::open(&url).await.unwrap();
        let patient = database.create_patient(details()).await.unwrap();
        use_many_connections(&database).await;

        proxy.fail_over();
        let silent_since = Instant::now();
        // Asked as a gateway is: many at once, again and again.
        let mut attempts = 0;
        loop {
            attempts += 1;
            let (one, two, three) = tokio::join!(
                database.patient(patient.id),
                database.create_patient(details()),
                database.ping(),
            );
            if let (Ok(found), Ok(_), Ok(())) = (&one, &two, &three) {
                assert_eq!(found.as_ref(), Some(&patient));
                break;
            }
            for error in [one.err(), two.err(), three.err()].into_iter().flatten() {
                assert!(error.is_retryable(), "{error:?}");
            }
            assert!(
                silent_since.elapsed() < RECOVERY,
                "not found again after {attempts} attempts"
            );
        }
        assert!(silent_since.elapsed() < RECOVERY, "{:?}", silent_since.elapsed());
    });
    // Threads that still wait for the silent server hold nobody up.
    runtime.shutdown_timeout(Duration::from_secs(1));
}

#[test]
fn a_silent_server_fails_operations_in_time_and_is_found_when_it_is_back() {
    let Some(server) = PostgreSql::shared() else {
        return;
    };
    let (proxy, url) = Proxy::before(&server.fresh_database());
    let mut options = DatabaseOptions::new(DatabaseUrl::parse(&url).unwrap());
    options.statement_timeout = Duration::from_secs(1);
    options.connect_timeout = Duration::from_secs(2);
    options.connection_timeout = Duration::from_secs(2);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let database = Database::open_with(options).await.unwrap();
        use_many_connections(&database).await;
        proxy.die();
        for _ in 0..3 {
            let asked = Instant::now();
            let lost = database.ping().await.unwrap_err();
            assert!(lost.is_retryable(), "{lost:?}");
            assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        }
        proxy.recover();
        let back = Instant::now();
        while database.ping().await.is_err() {
            assert!(back.elapsed() < Duration::from_secs(10));
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
}

#[test]
fn a_statement_that_takes_too_long_is_retryable_and_keeps_its_connection() {
    let Some(server) = PostgreSql::shared() else {
        return;
    };
    let url = server.fresh_database();
    let mut options = DatabaseOptions::new(DatabaseUrl::parse(&url).unwrap());
    options.statement_timeout = Duration::from_secs(1);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let database = Database::open_with(options).await.unwrap();
        let patient = database.create_patient(details()).await.unwrap();
        // Somebody else holds the table.
        let mut other = diesel::Connection::establish(&url)
            .map(|other: diesel::PgConnection| other)
            .unwrap();
        diesel::connection::SimpleConnection::batch_execute(
            &mut other,
            "BEGIN; LOCK TABLE patients IN ACCESS EXCLUSIVE MODE",
        )
        .unwrap();
        let asked = Instant::now();
        let late = database.patient(patient.id).await.unwrap_err();
        assert!(matches!(late, DatabaseError::Busy(_)), "{late:?}");
        assert!(asked.elapsed() < Duration::from_secs(3));
        diesel::connection::SimpleConnection::batch_execute(&mut other, "ROLLBACK").unwrap();
        assert_eq!(database.patient(patient.id).await.unwrap(), Some(patient));
    });
}
