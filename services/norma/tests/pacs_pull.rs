//! `norma serve` pulls from an archive, DCMTK's dcmqrscp: what is asked for, by C-MOVE and by C-GET, across kills and absence, and
//! earlier studies of a patient.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dicom_node::dcmqrscp::{Archive, DCMQRSCP, STORESCU, all_are, ask, node, pacs, person, pulls};
use dicom_node::{PATIENCE, assert_sent, has_dcmtk, study_of, told};
use norma_test_support::PhantomOptions;
use norma_test_support::servers::free_port;
use serde_json::{Value, json};
use studies::onnxruntime;
use tempfile::TempDir;

/// A study of a person on a day.
fn study_on(person: &PhantomOptions, day: &str, folder: &Path) -> Vec<PathBuf> {
    let files = study_of(person, folder);
    for file in &files {
        replace(file, b"20260101", day.as_bytes());
    }
    files
}

fn replace(file: &Path, old: &[u8], new: &[u8]) {
    let mut bytes = fs::read(file).unwrap();
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(old.len()).position(|window| window == old) {
        bytes[at + found..at + found + old.len()].copy_from_slice(new);
        at += found + old.len();
    }
    fs::write(file, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_study_is_found_and_pulled_by_move_and_by_get() {
    let (Some(onnxruntime), true) = (onnxruntime(), has_dcmtk(&[DCMQRSCP, STORESCU])) else {
        return;
    };
    for retrieve in ["move", "get"] {
        let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let files = study_of(&person("P-17", 17), files.path());
        let norma_port = free_port();
        let mut archive = Archive::new(norma_port);
        archive.start();
        archive.store(&files);
        let settings = archive.settings(norma_port, retrieve);
        let node = node(folder.path(), &onnxruntime, &settings).await;

        // What it has is said to who asks, and nobody else's.
        let found = pacs(
            folder.path(),
            &settings,
            &["find", "--source", "archive", "--patient", "P-17"],
        );
        assert!(found.status.success(), "{}", told(&found));
        assert!(told(&found).contains("1 studies"), "{}", told(&found));
        let query = json!({ "source": "archive", "patient_id": "P-17" });
        let asked = node
            .client
            .post(format!("{}/api/pacs/find", node.url))
            .json(&query);
        let answer: Value = asked.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["items"].as_array().unwrap().len(), 1, "{answer}");
        assert_eq!(answer["items"][0]["patient_name"], "DOE^JANE");
        let uid = answer["items"][0]["study_instance_uid"].as_str().unwrap();
        let other = pacs(
            folder.path(),
            &settings,
            &["find", "--source", "archive", "--patient", "P-1"],
        );
        assert!(told(&other).contains("0 studies"), "{}", told(&other));
        for wrong in [
            ["--patient", "*"],
            ["--accession", "A?"],
            ["--study", "not.a.uid"],
        ] {
            let refused = pacs(
                folder.path(),
                &settings,
                &[["find", "--source", "archive"].as_slice(), &wrong].concat(),
            );
            assert!(!refused.status.success());
        }

        let data = ["--data", "data"];
        let pull = [
            ["pull", "--wait", "--source", "archive", "--patient", "P-17"].as_slice(),
            &data,
        ]
        .concat();
        let pulled = pacs(folder.path(), &settings, &pull);
        assert!(pulled.status.success(), "{}", told(&pulled));
        assert!(
            told(&pulled).contains(&format!("1 of 1 studies, {} instances", files.len())),
            "{}",
            told(&pulled)
        );
        let scans = node.answered(1).await;
        assert_eq!(scans[0]["slice_count"], files.len());
        assert_eq!(scans[0]["study_uid"], uid);

        // The same again makes nothing.
        ask(&node, &json!({ "source": "archive", "study_instance_uid": uid })).await;
        node.metric("norma_pacs_studies_total{outcome=\"repeated\"} 1")
            .await;
        let all = pulls(&node, |items| all_are(items, "done")).await;
        assert_eq!(all.len(), 2);
        assert_eq!(all[0]["studies"][0]["instances"], files.len());
        assert_eq!(node.analyses(&scans[0]).await, 1);
        // Who did what is in the trail; whose study it is is not.
        let events: Value = node
            .get("/api/audit?action=pacs.pull")
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(events["total"], 4, "{events}");
        assert!(!events.to_string().contains("P-17"), "{events}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_for_comes_after_kills_and_absence() {
    let (Some(onnxruntime), true) = (onnxruntime(), has_dcmtk(&[DCMQRSCP, STORESCU])) else {
        return;
    };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study_of(&person("P-17", 17), files.path());
    let norma_port = free_port();
    let mut archive = Archive::new(norma_port);
    archive.start();
    archive.store(&files);
    archive.stop();
    let mut settings = archive.settings(norma_port, "move");
    // A lease runs out before a study that is on its way counts as complete.
    settings.push(("NORMA__PACS__QUIET_SECONDS".to_owned(), "8".to_owned()));
    let mut first = node(folder.path(), &onnxruntime, &settings).await;
    let query = json!({ "source": "archive", "patient_id": "P-17" });
    let asked = ask(&first, &query).await;
    assert_eq!(ask(&first, &query).await["id"], asked["id"], "asked once");
    let waiting = pulls(&first, |items| items[0]["reason_code"] != Value::Null).await;
    assert_eq!(waiting[0]["reason_code"], "peer_unreachable");
    assert_eq!(waiting[0]["state"], "asked");
    first.process.kill();
    drop(first);
    archive.start();
    // Killed around the moments at which it pulls.
    for kill in 0..4_u64 {
        let mut node = node(folder.path(), &onnxruntime, &settings).await;
        tokio::time::sleep(Duration::from_millis(200 * kill)).await;
        node.process.kill();
    }
    let node = node(folder.path(), &onnxruntime, &settings).await;
    pulls(&node, |items| all_are(items, "done")).await;
    let scans = node.answered(1).await;
    assert_eq!(scans[0]["slice_count"], files.len());

    // What the archive does not have waits for a person.
    ask(&node, &json!({ "source": "archive", "accession_number": "NONE" })).await;
    let failed = pulls(&node, |items| items[0]["state"] == "failed").await;
    assert_eq!(failed[0]["reason_code"], "no_such_study");
    let path = format!("/api/pacs/pulls/{}/pull-again", failed[0]["id"].as_str().unwrap());
    let again = node
        .client
        .post(format!("{}{path}", node.url))
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 200);
    pulls(&node, |items| items[0]["state"] == "failed").await;
}

/// An archive counts more than it gives: what comes is analysed, and never norm. Once it gives the rest the study is whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pulled_study_that_is_not_whole_is_never_norm() {
    let (Some(onnxruntime), true) = (onnxruntime(), has_dcmtk(&[DCMQRSCP, STORESCU])) else {
        return;
    };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study_of(&person("P-17", 17), files.path());
    let norma_port = free_port();
    let mut archive = Archive::new(norma_port);
    archive.start();
    archive.store(&files);
    // It knows of two instances that it has no more.
    let store = archive.folder.path().join("store");
    let kept = dicom_node::entries(&store).into_iter();
    let images: Vec<PathBuf> = kept
        .filter(|path| path.extension() == Some("dcm".as_ref()))
        .collect();
    let images = if images.is_empty() {
        let kept = dicom_node::entries(&store).into_iter();
        kept.filter(|path| path.file_name() != Some("index.dat".as_ref()))
            .collect()
    } else {
        images
    };
    assert_eq!(images.len(), files.len());
    let aside = folder.path().join("aside");
    fs::create_dir(&aside).unwrap();
    for image in &images[..2] {
        fs::copy(image, aside.join(image.file_name().unwrap())).unwrap();
        fs::remove_file(image).unwrap();
    }
    let mut settings = archive.settings(norma_port, "get");
    settings.push(("NORMA__PACS__QUIET_SECONDS".to_owned(), "1".to_owned()));
    let mut first = node(folder.path(), &onnxruntime, &settings).await;
    ask(&first, &json!({ "source": "archive", "patient_id": "P-17" })).await;
    let tried = pulls(&first, |items| items[0]["reason_code"] == "instances_missing").await;
    let of_study = &tried[0]["studies"][0];
    assert_eq!(of_study["expected"], files.len(), "{of_study}");
    assert_eq!(of_study["instances"], files.len() - 2, "{of_study}");
    // What the archive counts is known across a kill.
    first.process.kill();
    drop(first);
    let node = node(folder.path(), &onnxruntime, &settings).await;
    let scans = node.answered(1).await;
    let report = node.verdict(&scans[0]).await;
    let checks = report["quality"].as_array().unwrap().iter();
    let told: Vec<&Value> = checks
        .filter(|check| check["code"] == "study_incomplete")
        .collect();
    assert_eq!(told.len(), 1, "{report:#}");
    assert_eq!(told[0]["passed"], false);
    assert_eq!(told[0]["measured"], (files.len() - 2) as f64);
    assert_eq!(told[0]["limit"], files.len() as f64);
    assert_ne!(report["verdict"], "norm");
    node.metric("norma_pacs_studies_counted_total{by=\"source\",outcome=\"short\"} 1")
        .await;

    for entry in dicom_node::entries(&aside) {
        fs::copy(&entry, store.join(entry.file_name().unwrap())).unwrap();
    }
    let ended = pulls(&node, |items| items[0]["ended_at"] != Value::Null).await;
    let path = format!("/api/pacs/pulls/{}/pull-again", ended[0]["id"].as_str().unwrap());
    let again = node.client.post(format!("{}{path}", node.url)).send();
    assert_eq!(again.await.unwrap().status(), 200);
    pulls(&node, |items| all_are(items, "done")).await;
    let whole = node.answered(2).await;
    assert_eq!(whole[0]["slice_count"], files.len());
    let report = node.verdict(&whole[0]).await;
    assert!(
        !report["limitations"].to_string().contains("study_incomplete"),
        "{report:#}"
    );
}

/// A study comes; its patient's earlier ones are pulled, the latest two of three within the days, kept and not analysed, and none of
/// another patient or another modality. One of them that is sent then is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn earlier_studies_are_pulled_and_kept() {
    let (Some(onnxruntime), true) = (onnxruntime(), has_dcmtk(&[DCMQRSCP, STORESCU])) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let folders: Vec<TempDir> = (0..7).map(|_| TempDir::new().unwrap()).collect();
    let on = |at: usize, id: &str, day: &str| study_on(&person(id, 20 + at as u64), day, folders[at].path());
    let old = on(0, "P-17", "20200101");
    let second = on(1, "P-17", "20250101");
    let first = on(2, "P-17", "20250601");
    let third = on(3, "P-17", "20240601");
    let stranger = on(4, "P-18", "20250701");
    let other = on(5, "P-17", "20250801");
    for file in &other {
        replace(file, b"\x08\0\x60\0CS\x02\0CT", b"\x08\0\x60\0CS\x02\0MR");
    }
    let current = on(6, "P-17", "20260101");
    let norma_port = free_port();
    let mut archive = Archive::new(norma_port);
    archive.start();
    for files in [&old, &second, &first, &third, &stranger, &other, &current] {
        archive.store(files);
    }
    let mut settings = archive.settings(norma_port, "move");
    for (name, value) in [("SOURCE", "archive"), ("STUDIES", "2"), ("DAYS", "1000")] {
        settings.push((format!("NORMA__PACS__PRIORS__{name}"), value.to_owned()));
    }
    let node = node(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(&current));
    let all = pulls(&node, |items| all_are(items, "done")).await;
    assert_eq!(all.len(), 1, "none for those that were pulled");
    assert_eq!(all[0]["studies"].as_array().unwrap().len(), 2, "{all:#?}");
    node.metric("norma_pacs_studies_total{outcome=\"stored\"} 3")
        .await;
    let scans = node.scans().await;
    let mut analyzed = Vec::new();
    for scan in &scans {
        if node.analyses(scan).await != 0 {
            analyzed.push(scan["id"].clone());
        }
    }
    assert_eq!(
        analyzed,
        [all[0]["priors_of"].clone()],
        "the study that came alone"
    );
    // They are those of the two days; the index is made while it is asked for.
    let started = Instant::now();
    loop {
        let found: Value = node.get("/dicom-web/studies").await.json().await.unwrap();
        let found = found.as_array().unwrap().iter();
        let day = |study: &Value| study["00080020"]["Value"][0].as_str().unwrap().to_owned();
        let mut days: Vec<String> = found.map(day).collect();
        days.sort_unstable();
        if days == ["20250101", "20250601", "20260101"] {
            break;
        }
        assert!(days.len() < 3 && started.elapsed() < PATIENCE, "{days:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    // Sent by a scanner it is looked at, though all of it is here.
    assert_sent(&node.send(&first));
    node.metric("norma_pacs_studies_total{outcome=\"repeated\"} 1")
        .await;
    let mut answered = 0;
    let started = Instant::now();
    while answered < 2 {
        assert!(started.elapsed() < PATIENCE, "{answered} answered");
        tokio::time::sleep(Duration::from_millis(300)).await;
        answered = 0;
        for scan in &scans {
            let path = format!("/api/scans/{}/report", scan["id"].as_str().unwrap());
            answered += usize::from(node.get(&path).await.status().is_success());
        }
    }
}
