//! `norma serve` as a DICOM node: a study that is sent by C-STORE gets its answer, across a kill, once; what is refused stays.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::path::PathBuf;
use std::time::Duration;

use dicom_node::{NO_SETTINGS, Node, assert_sent, entries, serve, study, study_of, told};
use norma_test_support::servers::free_port;
use norma_test_support::{PhantomOptions, temporary_folders};
use serde_json::Value;
use studies::onnxruntime;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_study_that_is_sent_is_answered_once_across_a_kill() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let (late, first) = files.split_at(2);
    let incoming = folder.path().join("data/pacs/incoming");

    // Half of it, then a kill in the middle of the quiet period; the rest after the start.
    // So long that a machine on which others work sends the rest within it: what comes later is another study by the rules.
    let settings = [("NORMA__PACS__QUIET_SECONDS", "8")];
    let mut node = Node::start(folder.path(), &onnxruntime, &settings).await;
    let (half, rest) = first.split_at(first.len() / 2);
    assert_sent(&node.send(half));
    node.process.kill();
    drop(node);
    let kept = entries(&entries(&incoming)[0]).len();
    assert_eq!(kept, half.len(), "what was acknowledged is there after a kill");
    let mut node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(rest));
    let scans = node.answered(1).await;
    assert_eq!(scans[0]["slice_count"], first.len());
    assert!(scans[0].get("predecessor").is_none());
    let report = node.verdict(&scans[0]).await;
    assert!(report["verdict"].is_string(), "{report}");

    // The same again is known, and so it is after another start.
    assert_sent(&node.send(first));
    node.metric("norma_pacs_studies_total{outcome=\"repeated\"} 1")
        .await;
    assert_eq!(node.scans().await.len(), 1);
    node.process.kill();
    drop(node);

    // More of it makes a scan of all, which names the earlier one.
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(late));
    let all = node.answered(2).await;
    assert_eq!(all[0]["slice_count"], files.len());
    assert_eq!(all[0]["predecessor"], scans[0]["id"]);
    assert_eq!(all[1]["id"], scans[0]["id"]);
    node.metric("norma_pacs_studies_waiting 0").await;
    for left in ["incoming", "taken", "refused", "receiving"] {
        assert!(
            entries(&folder.path().join("data/pacs").join(left)).is_empty(),
            "{left}"
        );
    }
}

/// A SOP Instance UID stands for one content, whether that is on its way or stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_first_stays_and_who_sends_another_is_told() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let [folder, first, other] = temporary_folders().unwrap();
    let files = study(first.path());
    let others = study(other.path());
    for file in &others {
        let mut bytes = std::fs::read(file).unwrap();
        // A voxel of the last row.
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        std::fs::write(file, bytes).unwrap();
    }
    let node = Node::start(folder.path(), &onnxruntime, NO_SETTINGS).await;
    let refuse = |files: &[PathBuf]| {
        let sent = node.send(files);
        let told = told(&sent).to_lowercase();
        let words = ["0x0111", "0x111", "0111h", "duplicatesop", "duplicate sop"];
        assert!(
            words.iter().any(|word| told.contains(word)),
            "its sender has to keep it: {told}"
        );
    };
    assert_sent(&node.send(&files));
    refuse(&others[..1]);
    let scans = node.answered(1).await;
    node.metric("norma_pacs_studies_waiting 0").await;
    refuse(&others[1..2]);
    assert_sent(&node.send(&files[..2]));
    node.metric("norma_pacs_studies_total{outcome=\"repeated\"} 1")
        .await;
    node.metric("norma_pacs_instances_total{outcome=\"other_content\"} 2")
        .await;
    assert_eq!(node.scans().await.len(), 1);

    // People see it, once for each association.
    let events: Value = node
        .get("/api/audit?action=pacs.other_content")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(events["total"], 2, "{events}");
    assert_eq!(events["items"][0]["outcome"], "refused");
    assert_eq!(events["items"][0]["object_id"], scans[0]["id"]);

    // What is given out is what came first.
    let studies: Value = node.get("/dicom-web/studies").await.json().await.unwrap();
    let study = studies[0]["0020000D"]["Value"][0].as_str().unwrap();
    let retrieved = node
        .get(&format!("/dicom-web/studies/{study}"))
        .await
        .bytes()
        .await
        .unwrap();
    for file in &files[..2] {
        let bytes = std::fs::read(file).unwrap();
        let tail = &bytes[bytes.len() - 4096..];
        assert!(
            retrieved.windows(tail.len()).any(|window| window == tail),
            "it is as it came first"
        );
    }
}

/// Killed again and again around the moment at which the study is taken over: whatever it was at, it makes one scan and one
/// analysis of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hand_over_that_is_killed_makes_no_second_scan() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let settings = [("NORMA__PACS__QUIET_SECONDS", "1")];
    for kill in 0..8 {
        let mut node = Node::start(folder.path(), &onnxruntime, &settings).await;
        if kill == 0 {
            assert_sent(&node.send(&files));
        }
        tokio::time::sleep(Duration::from_millis(150 * kill)).await;
        node.process.kill();
    }
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    let scans = node.answered(1).await;
    let path = format!("/api/scans/{}/analyses", scans[0]["id"].as_str().unwrap());
    let analyses: Value = node.get(&path).await.json().await.unwrap();
    assert_eq!(analyses["total"], 1, "{analyses}");
    node.metric("norma_pacs_studies_waiting 0").await;
    assert!(entries(&folder.path().join("data/pacs/refused")).is_empty());
}

/// Also where only a part of it came from such a node, and a kill lay between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_urgent_caller_sends_is_urgent_and_nothing_else() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let [folder, emergency, other] = temporary_folders().unwrap();
    let emergency = study(emergency.path());
    let other = study_of(
        &PhantomOptions {
            seed: 99,
            ..PhantomOptions::small()
        },
        other.path(),
    );
    let settings = [
        ("NORMA__PACS__URGENT_CALLERS", "EMERGENCY, SHOCKROOM"),
        ("NORMA__PACS__QUIET_SECONDS", "8"),
    ];
    let mut node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send_as(Some("EMERGENCY"), &emergency[..3]));
    node.process.kill();
    drop(node);
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send_as(Some("CT2"), &emergency[3..]));
    // A title that only begins like one of them is none.
    assert_sent(&node.send_as(Some("EMERGENCY2"), &other));
    let mut priorities = Vec::new();
    for scan in node.answered(2).await {
        let path = format!("/api/scans/{}/analyses", scan["id"].as_str().unwrap());
        let analyses: Value = node.get(&path).await.json().await.unwrap();
        assert_eq!(analyses["total"], 1, "{analyses}");
        let priority = analyses["items"][0]["priority"].as_str().unwrap().to_owned();
        priorities.push((scan["study_uid"].as_str().unwrap().to_owned(), priority));
    }
    let of = |files: &[PathBuf]| {
        let bytes = std::fs::read(&files[0]).unwrap();
        let holds = |uid: &str| bytes.windows(uid.len()).any(|window| window == uid.as_bytes());
        let found = priorities.iter().find(|(uid, _)| holds(uid));
        found.unwrap().1.clone()
    };
    assert_eq!(
        (of(&emergency).as_str(), of(&other).as_str()),
        ("urgent", "routine")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_stays_and_says_why() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let settings = [("NORMA__GATEWAY__UPLOAD_LIMIT_BYTES", "10000")];
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(&files));
    node.metric("norma_pacs_studies_refused 1").await;
    let refused = entries(&folder.path().join("data/pacs/refused"));
    let reason = std::fs::read_to_string(refused[0].join("reason.json")).unwrap();
    assert_eq!(reason, r#"{"code":"upload_too_large"}"#);
    assert_eq!(
        entries(&refused[0]).len(),
        files.len() + 1,
        "nothing of it is lost"
    );
    assert!(node.scans().await.is_empty());
}

/// The request names one instance, the data set another one or none: nobody would find it under the name that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_names_itself_otherwise_is_refused() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let named = b"\x08\0\x18\0UI";
    let change = |file: &PathBuf, change: &dyn Fn(&mut [u8])| {
        let mut bytes = std::fs::read(file).unwrap();
        let at = bytes.windows(6).position(|window| window == named).unwrap();
        let length = usize::from(u16::from_le_bytes([bytes[at + 6], bytes[at + 7]]));
        change(&mut bytes[at + 8..at + 8 + length]);
        std::fs::write(file, bytes).unwrap();
    };
    change(&files[0], &|uid| {
        uid[2] = if uid[2] == b'1' { b'2' } else { b'1' }
    });
    change(&files[1], &|uid| uid.fill(0));
    let node = Node::start(folder.path(), &onnxruntime, NO_SETTINGS).await;
    // DCMTK would name what the data set says: this one names what the file says before it.
    let send = |file: &PathBuf| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_norma"));
        command.args(["pacs", "send", "--called", "NORMA"]);
        command.arg(format!("127.0.0.1:{}", node.dicom_port)).arg(file);
        command.output().unwrap()
    };
    for (file, status) in [(&files[0], "a900"), (&files[1], "c000")] {
        let sent = send(file);
        let told = told(&sent).to_lowercase();
        assert!(
            !sent.status.success() && told.contains(status),
            "{status}: {told}"
        );
    }
    assert!(entries(&folder.path().join("data/pacs/incoming")).is_empty());
    assert_sent(&send(&files[2]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_to_the_sender() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let floor = (1_u64 << 60).to_string();
    let settings = [("NORMA__GATEWAY__STORAGE__FREE_FLOOR_BYTES", floor.as_str())];
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    let sent = node.send(&files[..1]);
    let told = told(&sent).to_lowercase();
    assert!(told.contains("a700") || told.contains("outofresources"), "{told}");
    assert!(entries(&folder.path().join("data/pacs/incoming")).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_among_the_peers_is_rejected() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    // Another title, and its own from another address.
    let settings = [("NORMA__PACS__PEERS", "CT2, CT1@192.0.2.7, NORMA@192.0.2.7")];
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    let sent = node.send(&files[..1]);
    assert!(!sent.status.success());
    let told = told(&sent).to_lowercase();
    assert!(told.contains("reject"), "{told}");
    assert!(entries(&folder.path().join("data/pacs/incoming")).is_empty());
    drop(node);

    let settings = [("NORMA__PACS__PEERS", "CT1@127.0.0.1, NORMA@127.0.0.1")];
    std::fs::create_dir_all(folder.path()).unwrap();
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(&files[..1]));
}

#[test]
fn settings_that_contradict_each_other_are_refused_at_the_start() {
    let folder = TempDir::new().unwrap();
    for (name, value, named) in [
        ("NORMA__DEIDENTIFICATION__UPLOADS", "true", "pacs.enabled"),
        // No title has more than 16 characters.
        (
            "NORMA__PACS__URGENT_CALLERS",
            "EMERGENCY, A_TITLE_THAT_IS_FAR_TOO_LONG",
            "pacs.urgent_callers",
        ),
    ] {
        let ended = serve(folder.path(), free_port(), free_port(), &[(name, value)])
            .output()
            .unwrap();
        assert!(!ended.status.success());
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(told.contains(named), "{told}");
    }
}
