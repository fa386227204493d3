//! The PostgreSQL side loses its server and finds it again.

use std::time::{Duration, Instant};

use norma_database::{Database, DatabaseOptions, DatabaseUrl, PatientDetails};
use norma_test_support::servers::PostgreSql;

fn details() -> PatientDetails {
    PatientDetails {
        first_name: "Ada".to_owned(),
        last_name: "Example".to_owned(),
        description: String::new(),
        ..PatientDetails::default()
    }
}

#[test]
fn a_lost_server_is_reported_as_retryable_and_found_again() {
    let Some(mut server) = PostgreSql::start() else {
        return;
    };
    let mut options = DatabaseOptions::new(DatabaseUrl::parse(&server.fresh_database()).unwrap());
    options.connection_timeout = Duration::from_secs(1);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let database = Database::open_with(options).await.unwrap();
        let patient = database.create_patient(details()).await.unwrap();

        server.stop();
        let started = Instant::now();
        let lost = database.create_patient(details()).await.unwrap_err();
        assert!(lost.is_retryable(), "{lost:?}");
        assert!(started.elapsed() < Duration::from_secs(10));
        assert!(database.ping().await.unwrap_err().is_retryable());

        server.start_again().unwrap();
        assert_eq!(database.patient(patient.id).await.unwrap(), Some(patient));
        database.create_patient(details()).await.unwrap();
    });
}

#[test]
fn connections_that_the_server_closed_are_not_handed_out() {
    let Some(mut server) = PostgreSql::start() else {
        return;
    };
    let url = server.fresh_database();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let database = Database::open(&url).await.unwrap();
        let mut pings = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let database = database.clone();
            pings.spawn(async move { database.ping().await });
        }
        for ping in pings.join_all().await {
            ping.unwrap();
        }
        server.stop();
        server.start_again().unwrap();
        // No error in between: every connection of the pool is checked before it is used.
        for _ in 0..10 {
            database.ping().await.unwrap();
        }
    });
}

#[test]
fn a_wrong_address_fails_in_time_and_without_the_password() {
    let mut options =
        DatabaseOptions::new(DatabaseUrl::parse("postgresql://norma:open-sesame@127.0.0.1:1/norma").unwrap());
    options.connection_timeout = Duration::from_millis(500);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Err(refused) = runtime.block_on(Database::open_with(options)) else {
        panic!("nobody listens there");
    };
    assert!(refused.is_retryable());
    assert!(!format!("{refused} {refused:?}").contains("open-sesame"));
}
