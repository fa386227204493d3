//! Many small studies in one archive on one process: all are answered, none late by the deadline.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use norma_test_support::servers::{GuardedProcess, free_port};
use norma_test_support::{PhantomOptions, phantom_zip};
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use zip::write::SimpleFileOptions;

use crate::ONE_AT_A_TIME;
use crate::studies::{onnxruntime, test_bundle};

/// How many studies; without it a few.
const STUDIES: &str = "NORMA_BACKLOG";
const FEW: usize = 3;
/// Of the work on one study, far shorter than the backlog takes.
const DEADLINE_SECONDS: u64 = 120;
/// How long no study may end before the whole counts as stuck.
const STANDSTILL: Duration = Duration::from_secs(240);

/// A zip with so many studies, each of another person in a folder of its own.
fn archive(studies: usize, path: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let mut all = zip::ZipWriter::new(File::create(path).unwrap());
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let one = folder.path().join("one.zip");
    for seed in 1..=studies {
        let options = PhantomOptions {
            seed: seed as u64,
            size: 128,
            ..PhantomOptions::small()
        };
        phantom_zip(&options, &one).unwrap();
        let mut archive = zip::ZipArchive::new(File::open(&one).unwrap()).unwrap();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            all.start_file(format!("study{seed}/{}", file.name().unwrap()), stored)
                .unwrap();
            all.write_all(&bytes).unwrap();
        }
    }
    all.finish().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_answered_whole_and_none_is_late() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(onnxruntime) = onnxruntime() else { return };
    let studies = std::env::var(STUDIES).map_or(FEW, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.zip");
    tokio::task::block_in_place(|| archive(studies, &file));
    let upload = std::fs::read(&file).unwrap();
    let megabytes = upload.len() / 1_000_000;

    let address = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(env!("CARGO_BIN_EXE_norma"));
    command
        .args(["serve", "--listen", &address, "--data"])
        .arg(folder.path().join("data"))
        .current_dir(folder.path())
        .env("NORMA__IDENTITY__AUTHENTICATION", "off")
        .env("NORMA__ANALYSIS__DEADLINE_SECONDS", DEADLINE_SECONDS.to_string())
        .env("NORMA__MODELS__BUNDLE", test_bundle())
        .env("NORMA__MODELS__ONNXRUNTIME", onnxruntime)
        .env("NORMA__MODELS__CUDA", "off");
    let mut process = GuardedProcess::spawn(command, &folder.path().join("of-guard")).unwrap();
    let client = reqwest::Client::new();
    let ready = format!("http://{address}/readyz");
    let started = Instant::now();
    while !client
        .get(&ready)
        .send()
        .await
        .is_ok_and(|answer| answer.status().is_success())
    {
        assert!(
            process.is_running() && started.elapsed() < STANDSTILL,
            "never ready"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    let started = Instant::now();
    let answer = client
        .post(format!("http://{address}/inference/predict"))
        .header("prefer", "wait=0")
        .multipart(Form::new().part("file", Part::bytes(upload).file_name("all.zip")))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
    let answer: Value = answer.json().await.unwrap();
    let accepted = started.elapsed();
    let list = format!("http://{address}/inference/predictions");
    let (mut pending, mut moved) = (u64::MAX, Instant::now());
    loop {
        let listed: Value = client.get(&list).send().await.unwrap().json().await.unwrap();
        let item = &listed["items"][0];
        assert_eq!(item["studies"], studies as u64);
        let now = item["pending"].as_u64().unwrap();
        if now < pending {
            (pending, moved) = (now, Instant::now());
        }
        if pending == 0 {
            break;
        }
        assert!(process.is_running(), "norma serve ended");
        assert!(moved.elapsed() < STANDSTILL, "{pending} studies never end");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let took = started.elapsed();

    let href = answer["href"].as_str().unwrap();
    let whole: Value = client
        .get(format!("http://{address}{href}"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for study in whole["studies"].as_array().unwrap() {
        let verdict = study["report"]["verdict"].as_str().unwrap_or("no report");
        let end = format!("{} {verdict}", study["status"].as_str().unwrap());
        *ends.entry(end).or_default() += 1;
    }
    println!(
        "{studies} studies, {megabytes} MB, accepted in {:.0} s, all ended in {:.0} s ({:.2} s each): {ends:?}",
        accepted.as_secs_f64(),
        took.as_secs_f64(),
        took.as_secs_f64() / studies as f64
    );
    let answered: usize = ends
        .iter()
        .filter(|(end, _)| end.starts_with("completed ") && !end.ends_with("no report"))
        .map(|(_, count)| count)
        .sum();
    assert_eq!(answered, studies, "{ends:?}");
}
