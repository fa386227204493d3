//! How the lists are read, told by the databases' own plans and not by a clock: no table is read row by row for a page.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::sync::Mutex;

use diesel::connection::{Instrumentation, InstrumentationEvent, SimpleConnection as _};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection};
use norma_database::{Database, Owner, Page, ScanQuery, StudyOrder, StudyQuery, StudyTray};
use norma_domain::{AnalysisStatus, Verdict};
use norma_test_support::servers::PostgreSql;

/// What was asked since the last look, as diesel shows it: the SQL, and the bound values behind `-- binds:`.
static ASKED: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listening;

impl Instrumentation for Listening {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            ASKED.lock().unwrap().push(query.to_string());
        }
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct PlanLine {
    #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
    detail: String,
}

const SCANS: u32 = 20_000;

/// Ids grow with time, as those of the program do; one scan in a hundred failed, one in two hundred runs, the others
/// ended.
fn fill(url: &str) {
    let columns = "INSERT INTO scans (id, description, file_name, sha256, size_bytes, object_key, study_uid, \
                   latest_analysis_id, created_at, updated_at, suspicion_group, suspicion, owner) ";
    let group = "CASE WHEN n % 100 = 0 THEN 2 WHEN n % 200 = 1 THEN 3 WHEN n % 3 = 0 THEN 0 ELSE 5 END";
    let analyses = "INSERT INTO analyses (id, scan_id, status, operating_point, bundle_version, attempt, requested_at, \
                    finished_at, deadline_at, failure_code, quality_flags, updated_at, change_sequence) \
                    SELECT latest_analysis_id, id, \
                    CASE suspicion_group WHEN 2 THEN 'failed' WHEN 3 THEN 'queued' ELSE 'completed' END, 'youden', \
                    '1', 1, created_at, CASE suspicion_group WHEN 3 THEN NULL ELSE created_at END, created_at, \
                    CASE suspicion_group WHEN 2 THEN 'no_lungs' END, '', created_at, 1 FROM scans";
    // A reader said something of one in a hundred.
    let feedback = "INSERT INTO feedback (id, analysis_id, agree, created_at) \
                    SELECT id, id, 1 = 0, requested_at FROM analyses WHERE status = 'failed'";
    match url.strip_prefix("sqlite://") {
        Some(path) => {
            let mut connection = SqliteConnection::establish(path).unwrap();
            let scans = format!(
                "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {SCANS}) \
                 {columns} SELECT randomblob(16), 'd', 'f', hex(randomblob(32)), 1, 'k', '1.2.' || n, randomblob(16), \
                 '2026-01-01 00:00:00', '2026-01-01 00:00:00', {group}, n * 1.0 / {SCANS}, 'key:' || (n % 50) FROM numbers"
            );
            connection
                .batch_execute(&format!("{scans}; {analyses}; {feedback}; ANALYZE"))
                .unwrap();
        }
        None => {
            let mut connection = PgConnection::establish(url).unwrap();
            let scans = format!(
                "{columns} SELECT lpad(to_hex(n), 32, '0')::uuid, 'd', 'f', md5(n::text) || md5(n::text), 1, 'k', '1.2.' || n, \
                 gen_random_uuid(), timestamp '2026-01-01' + n * interval '1 minute', now(), {group}, \
                 n * 1.0 / {SCANS}, 'key:' || (n % 50) FROM generate_series(1, {SCANS}) n"
            );
            connection
                .batch_execute(&format!("{scans}; {analyses}; {feedback}"))
                .unwrap();
            connection.batch_execute("VACUUM ANALYZE").unwrap();
        }
    }
}

/// The values of `-- binds: [20, "a"]` put into the query, where all are numbers and plain texts.
fn with_values(shown: &str) -> Option<String> {
    let (sql, binds) = shown.split_once(" -- binds: [")?;
    let binds = binds.trim_end().strip_suffix(']')?;
    let mut sql = sql.to_owned();
    let values: Vec<String> = binds
        .split(", ")
        .filter(|value| !value.is_empty())
        .map(|value| match value.parse::<f64>() {
            Ok(_) => value.to_owned(),
            // Texts stand in quotes, times without any.
            Err(_) => format!("'{}'", value.trim_matches('"')),
        })
        .collect();
    if values.iter().any(|value| value.contains(['(', '['])) {
        return None;
    }
    for (index, value) in values.iter().enumerate().rev() {
        let numbered = format!("${}", index + 1);
        if sql.contains(&numbered) {
            sql = sql.replace(&numbered, value);
        } else {
            let place = sql.rfind('?')?;
            sql.replace_range(place..=place, value);
        }
    }
    Some(sql)
}

fn explain(url: &str, sql: &str) -> String {
    let lines: Vec<String> = match url.strip_prefix("sqlite://") {
        Some(path) => {
            let mut connection = SqliteConnection::establish(path).unwrap();
            let plan: Vec<Line> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}"))
                .load(&mut connection)
                .unwrap();
            plan.into_iter().map(|line| line.detail).collect()
        }
        None => {
            let mut connection = PgConnection::establish(url).unwrap();
            // Whether an index can serve the query at all: a table of this size is read as a whole at little cost.
            connection.batch_execute("SET enable_seqscan = off").unwrap();
            let plan: Vec<PlanLine> = diesel::sql_query(format!("EXPLAIN {sql}"))
                .load(&mut connection)
                .unwrap();
            plan.into_iter().map(|line| line.detail).collect()
        }
    };
    lines.join("\n")
}

/// Whether a plan goes through rows of the tables that grow, one after the other.
fn reads_a_table(plan: &str) -> bool {
    ["scans", "analyses"].iter().any(|table| {
        plan.contains(&format!("Seq Scan on {table}"))
            || plan
                .lines()
                .any(|line| line.contains(&format!("SCAN {table}")) && !line.contains("INDEX"))
    })
}

async fn check(url: &str, name: &str, asking: impl Future<Output = ()>) {
    ASKED.lock().unwrap().clear();
    asking.await;
    let asked = std::mem::take(&mut *ASKED.lock().unwrap());
    let mut explained = 0;
    for shown in asked.iter().filter(|shown| shown.contains("scans")) {
        let Some(sql) = with_values(shown) else { continue };
        // An empty page.
        if sql.contains("(1=0)") {
            continue;
        }
        // How many there are in all has to be counted; an index alone does for that, but need not.
        if sql.contains("count(*)") && !sql.to_uppercase().contains("WHERE") {
            continue;
        }
        let plan = explain(url, &sql);
        assert!(!reads_a_table(&plan), "{name}\n{sql}\n{plan}");
        explained += 1;
    }
    assert!(explained > 0, "{name}: nothing was asked: {asked:?}");
}

async fn check_lists(url: &str) {
    let database = Database::open(url).await.unwrap();
    fill(url);
    let deep = Page {
        limit: 20,
        offset: SCANS - 2000,
    };
    let query = StudyQuery::default;
    let studies = async |query: StudyQuery| {
        database.list_studies(query, Page::default()).await.unwrap();
    };
    check(url, "scans, far down", async {
        database.list_scans(ScanQuery::default(), deep).await.unwrap();
    })
    .await;
    check(url, "scans of a key, far down", async {
        let of_key = ScanQuery {
            owner: Some(Owner::Scope("7".to_owned())),
            ..ScanQuery::default()
        };
        database
            .list_scans(
                of_key,
                Page {
                    limit: 20,
                    offset: 300,
                },
            )
            .await
            .unwrap();
    })
    .await;
    check(url, "worklist", studies(query())).await;
    check(url, "worklist, far down", async {
        database.list_studies(query(), deep).await.unwrap();
    })
    .await;
    for status in AnalysisStatus::ALL {
        for order in [StudyOrder::MostSuspicious, StudyOrder::Newest] {
            let status = Some(status);
            check(
                url,
                &format!("{status:?} {order:?}"),
                studies(StudyQuery {
                    status,
                    order,
                    ..query()
                }),
            )
            .await;
        }
    }
    for verdict in [Verdict::Pathology, Verdict::Undetermined, Verdict::Norm] {
        let verdict = Some(verdict);
        check(
            url,
            &format!("{verdict:?}"),
            studies(StudyQuery { verdict, ..query() }),
        )
        .await;
    }
    for tray in [StudyTray::Reading, StudyTray::NoChest, StudyTray::Contradicted] {
        let tray = Some(tray);
        check(url, &format!("{tray:?}"), studies(StudyQuery { tray, ..query() })).await;
    }
    let search = Some("1.2.777".to_owned());
    check(url, "a study's UID", studies(StudyQuery { search, ..query() })).await;
    check(url, "old scans", async {
        let before = "2026-01-01T00:30:00Z".parse().unwrap();
        database.scans_before(before, 100).await.unwrap();
    })
    .await;
}

#[test]
fn no_list_reads_a_table_row_by_row() {
    diesel::connection::set_default_instrumentation(|| Some(Box::new(Listening))).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        check_lists(&format!("sqlite://{}/norma.db", folder.path().display())).await;
        if let Some(server) = PostgreSql::shared() {
            check_lists(&server.fresh_database()).await;
        }
    });
}
