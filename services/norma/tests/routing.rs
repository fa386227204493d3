//! Rules for studies that come: what is kept alone, where results go, and what the rules would do with what came before.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use dicom_node::{NO_SETTINGS, Node, assert_sent, study_of, told};
use norma_test_support::PhantomOptions;
use norma_test_support::servers::free_port;
use serde_json::{Value, json};
use studies::onnxruntime;
use tempfile::TempDir;

/// Studies of two descriptions; the second is `PHANTOM HEAD`.
fn two_studies(folder: &Path) -> [Vec<PathBuf>; 2] {
    let of = |seed, name: &str| {
        let folder = folder.join(name);
        fs::create_dir(&folder).unwrap();
        study_of(
            &PhantomOptions {
                seed,
                ..PhantomOptions::small()
            },
            &folder,
        )
    };
    let (chest, head) = (of(31, "chest"), of(32, "head"));
    for file in &head {
        let mut bytes = fs::read(file).unwrap();
        let at = bytes
            .windows(13)
            .position(|window| window == b"PHANTOM CHEST")
            .unwrap();
        bytes[at..at + 13].copy_from_slice(b"PHANTOM HEAD ");
        fs::write(file, bytes).unwrap();
    }
    [chest, head]
}

fn check(folder: &Path, config: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_norma"));
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    command
        .args(["routing", "check", "--data", "data"])
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Settings of `archive` and `ris`, at which nobody listens.
fn two_destinations() -> String {
    let destinations = ["archive", "ris"].map(|name| {
        format!(
            "    {name}: {{ ae_title: {name}, host: 127.0.0.1, port: {}, studies: all }}\n",
            free_port()
        )
    });
    format!("pacs:\n  destinations:\n{}", destinations.concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_rule_that_fits_decides() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let [chest, head] = two_studies(files.path());
    let rules = folder.path().join("rules.yaml");
    fs::write(
        &rules,
        format!(
            "{}routing:\n  rules:\n    \
             - {{ name: head, when: {{ study_description: '*head*' }}, analyze: false }}\n    \
             - {{ name: chest, when: {{ modality: CT, body_part: CHEST }}, destinations: [ris], operating_point: {} }}\n",
            two_destinations(),
            "sensitivity_95"
        ),
    )
    .unwrap();

    // Before there are rules everything is analysed, and the check says what they would do.
    let node = Node::start(folder.path(), &onnxruntime, NO_SETTINGS).await;
    assert_sent(&node.send(&chest));
    assert_sent(&node.send(&head));
    let scans = node.answered(2).await;
    let before = check(folder.path(), None);
    assert_eq!(before.status.code(), Some(0), "{}", told(&before));
    assert!(told(&before).contains("2  (no rule)"), "{}", told(&before));
    let dry = check(folder.path(), Some(&rules));
    assert_eq!(dry.status.code(), Some(2), "{}", told(&dry));
    for line in ["1  rule head", "1  rule chest", "keep     rule head", "to ris"] {
        assert!(told(&dry).contains(line), "{line}: {}", told(&dry));
    }
    assert!(
        !told(&dry).to_lowercase().contains("phantom"),
        "nothing of the studies"
    );
    for scan in &scans {
        assert_eq!(node.analyses(scan).await, 1, "a check changes nothing");
    }
    drop(node);

    // With them, in an installation of its own.
    let folder = TempDir::new().unwrap();
    let settings = [("NORMA_CONFIG", rules.to_str().unwrap())];
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(&chest));
    assert_sent(&node.send(&head));
    node.metric("norma_pacs_studies_total{outcome=\"stored\"} 2")
        .await;
    let delivery = node.delivery(|_| true).await;
    assert_eq!(delivery["destination"], "ris");
    assert_eq!(node.deliveries("").await.len(), 1, "and nowhere else");
    let scans = node.scans().await;
    assert_eq!(scans.len(), 2, "what is not analysed is kept");
    for scan in &scans {
        let expected = u64::from(scan["id"] == delivery["scan_id"]);
        assert_eq!(node.analyses(scan).await, expected);
    }
    let report = node
        .get(&format!(
            "/api/scans/{}/report",
            delivery["scan_id"].as_str().unwrap()
        ))
        .await;
    let report: Value = report.json().await.unwrap();
    assert_eq!(report["operating_point"]["name"], "sensitivity_95", "{report}");
    // What was kept is looked at when a person asks for it.
    let kept = scans
        .iter()
        .find(|scan| scan["id"] != delivery["scan_id"])
        .unwrap();
    let asked = node
        .client
        .post(format!(
            "{}/api/scans/{}/analyze",
            node.url,
            kept["id"].as_str().unwrap()
        ))
        .send()
        .await
        .unwrap();
    assert!(asked.status().is_success(), "{}", asked.status());
    node.answered(2).await;
    what_asks_for_an_analysis_asks_the_rule(&node, &delivery["scan_id"]).await;
    let same = check(folder.path(), Some(&rules));
    assert_eq!(same.status.code(), Some(0), "{}", told(&same));
}

/// Many at once, and a work item: at the operating point of the study's rule, where they name none.
async fn what_asks_for_an_analysis_asks_the_rule(node: &Node, scan_id: &Value) {
    let many = node
        .client
        .post(format!("{}/api/analyses", node.url))
        .json(&json!({ "scan_ids": [scan_id] }));
    let answer: Value = many.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["requested"], 1, "{answer}");
    let path = format!("/api/scans/{}/analyses", scan_id.as_str().unwrap());
    let analyses: Value = node.get(&path).await.json().await.unwrap();
    assert_eq!(analyses["total"], 2);
    assert_eq!(
        analyses["items"][0]["operating_point"], "sensitivity_95",
        "{analyses}"
    );
    let scans = node.answered(2).await;
    let study = &scans.iter().find(|scan| scan["id"] == *scan_id).unwrap()["study_uid"];

    // What it asks for by the rule is answered already.
    let one = |representation: &str, value: &Value| json!({ "vr": representation, "Value": [value] });
    let item = json!({
        "00741000": one("CS", &json!("SCHEDULED")),
        "00741200": one("CS", &json!("HIGH")),
        "00741204": one("LO", &json!("triage")),
        "00404005": one("DT", &json!("20261128093000")),
        "00404041": one("CS", &json!("READY")),
        "00404025": one("SQ", &json!({ "00080100": one("SH", &json!("NORMA")), "00080102": one("SH", &json!("99TEST")),
            "00080104": one("LO", &json!("Norma")) })),
        "00404021": one("SQ", &json!({ "0020000D": one("UI", study) })),
    });
    let made = node
        .client
        .post(format!("{}/dicom-web/workitems?1.2.3.4", node.url))
        .header("content-type", "application/dicom+json")
        .body(item.to_string());
    assert_eq!(made.send().await.unwrap().status().as_u16(), 201);
    let started = Instant::now();
    loop {
        let kept: Value = node
            .get("/dicom-web/workitems/1.2.3.4")
            .await
            .json()
            .await
            .unwrap();
        let state = kept[0]["00741000"]["Value"][0].as_str().unwrap().to_owned();
        if state == "COMPLETED" {
            break;
        }
        assert_ne!(state, "CANCELED", "{kept}");
        assert!(started.elapsed() < dicom_node::PATIENCE, "{kept}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let analyses: Value = node.get(&path).await.json().await.unwrap();
    assert_eq!(analyses["total"], 2, "{analyses}");
}

/// An operating point that the bundle does not have is no reason to take another one, nor to lose the study.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_with_an_unknown_operating_point_has_its_studies_wait() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let [chest, _] = two_studies(files.path());
    let rules = folder.path().join("rules.yaml");
    fs::write(
        &rules,
        "routing:\n  rules:\n    - { name: all, operating_point: nosuch }\n",
    )
    .unwrap();
    let settings = [("NORMA_CONFIG", rules.to_str().unwrap())];
    let mut node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(&chest));
    while node.scans().await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    node.metric("norma_pacs_studies_waiting 1").await;
    let scans = node.scans().await;
    assert_eq!(node.analyses(&scans[0]).await, 0);
    node.process.kill();
    drop(node);
    // Once the rule is mended it is analysed.
    let node = Node::start(folder.path(), &onnxruntime, NO_SETTINGS).await;
    assert_eq!(node.answered(1).await[0]["id"], scans[0]["id"]);
}

/// By STOW-RS as by C-STORE; who uploads a file asks for its analysis, and the rule says where the answer goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_are_for_stow_rs_and_uploads_where_they_say_so() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let [chest, head] = two_studies(files.path());
    let rules = folder.path().join("rules.yaml");
    fs::write(
        &rules,
        format!(
            "{}routing:\n  rules:\n    \
             - {{ name: sent, destinations: [] }}\n    \
             - {{ name: head, when: {{ study_description: '*head*', came_by: stow_rs }}, analyze: false }}\n    \
             - {{ name: web, when: {{ modality: CT, came_by: [stow_rs, upload] }}, destinations: [ris], \
                 operating_point: sensitivity_95, priority: urgent }}\n",
            two_destinations(),
        ),
    )
    .unwrap();
    let settings = [("NORMA_CONFIG", rules.to_str().unwrap())];
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;

    // By STOW-RS: one is kept alone, the other analysed as the rule says.
    for study in [&head, &chest] {
        assert_eq!(dicom_node::stow(&node, study).await.0, 200);
    }
    let delivery = node.delivery(|_| true).await;
    assert_eq!(delivery["destination"], "ris");
    let scans = node.scans().await;
    assert_eq!(scans.len(), 2, "what is not analysed is kept");
    for scan in &scans {
        let is_chest = scan["id"] == delivery["scan_id"];
        assert_eq!(node.analyses(scan).await, u64::from(is_chest));
    }
    let scan = delivery["scan_id"].as_str().unwrap();
    let analyses: Value = node
        .get(&format!("/api/scans/{scan}/analyses"))
        .await
        .json()
        .await
        .unwrap();
    let analysis = &analyses["items"][0];
    assert_eq!(analysis["operating_point"], "sensitivity_95", "{analysis}");
    assert_eq!(analysis["priority"], "urgent", "{analysis}");
    // It stays so when it is sent again.
    assert_eq!(dicom_node::stow(&node, &head).await.0, 200);
    assert_eq!(node.scans().await.len(), 2);
    assert_eq!(node.deliveries("").await.len(), 1);

    // An upload of the head: it is asked for, so it is analysed, with what the request says itself.
    let file = files.path().join("head.zip");
    let phantom = PhantomOptions {
        seed: 33,
        ..PhantomOptions::small()
    };
    norma_test_support::phantom_zip(&phantom, &file).unwrap();
    let part = reqwest::multipart::Part::bytes(fs::read(&file).unwrap()).file_name("study.zip");
    let form = reqwest::multipart::Form::new().part("file", part);
    let answered = node
        .client
        .post(format!("{}/inference/predict?operating_point=youden", node.url))
        .multipart(form)
        .timeout(dicom_node::PATIENCE)
        .send()
        .await
        .unwrap();
    assert!(answered.status().is_success(), "{}", answered.status());
    let second = node.delivery(|found| found["id"] != delivery["id"]).await;
    assert_eq!(second["destination"], "ris");
    let scan = second["scan_id"].as_str().unwrap();
    let report = node.get(&format!("/api/scans/{scan}/report")).await;
    let report: Value = report.json().await.unwrap();
    assert_eq!(report["operating_point"]["name"], "youden", "as it was asked");

    // The dry run knows them and how they came.
    let dry = check(folder.path(), Some(&rules));
    assert_eq!(dry.status.code(), Some(0), "{}", told(&dry));
    for line in ["2  rule web", "1  rule head", "came by stow_rs", "came by upload"] {
        assert!(told(&dry).contains(line), "{line}: {}", told(&dry));
    }
}
