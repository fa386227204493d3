//! A site's own norm by the commands, with the shipped models: to them every phantom is unlike the norm that they know,
//! so a norm phantom of thick slices, whose measures do not answer the score, is called pathology, until phantoms are the
//! site's norm.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use norma_database::{Database, NewFeedback};
use norma_domain::Verdict;
use norma_object_storage::{ObjectKey, Objects};
use norma_test_support::{PhantomOptions, phantom_zip, plain_report};
use serde_json::Value;
use studies::{onnxruntime, request_study, shipped_bundle};
use tempfile::TempDir;

/// Norm studies that the site brings.
const SITE_STUDIES: u64 = 12;

struct Site {
    folder: TempDir,
    onnxruntime: PathBuf,
}

impl Site {
    /// The shipped models in a folder of the site's own, beside its norm studies.
    fn new(onnxruntime: PathBuf) -> Self {
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
            onnxruntime,
        };
        let shipped = shipped_bundle();
        let shipped = shipped.parent().unwrap();
        for name in ["network", "patch-memory", "autoencoder", "classifier", "typing"] {
            let folder = site.models().join(name);
            fs::create_dir_all(&folder).unwrap();
            for file in fs::read_dir(shipped.join(name)).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), folder.join(file.file_name())).unwrap();
            }
        }
        fs::copy(shipped.join("bundle.yaml"), site.models().join("bundle.yaml")).unwrap();
        fs::create_dir(site.path("norm")).unwrap();
        for seed in 0..SITE_STUDIES {
            site.phantom(&format!("norm/{seed}.zip"), seed, false);
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn models(&self) -> PathBuf {
        self.path("models")
    }

    fn phantom(&self, name: &str, seed: u64, effusion: bool) -> PathBuf {
        let file = self.path(name);
        let options = PhantomOptions {
            seed,
            effusion,
            ..PhantomOptions::small()
        };
        phantom_zip(&options, &file).unwrap();
        file
    }

    fn run(&self, bundle: &str, arguments: &[&Path]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_norma"))
            .args(arguments)
            .env("NORMA__MODELS__BUNDLE", self.models().join(bundle))
            .env("NORMA__MODELS__ONNXRUNTIME", &self.onnxruntime)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    fn fit_norm(&self, studies: &Path) -> Output {
        let words = ["models", "fit-norm"].map(Path::new);
        let out = self.models().join("ours");
        self.run(
            "bundle.yaml",
            &[words[0], words[1], studies, Path::new("--out"), &out],
        )
    }

    fn fit_agreed(&self) -> Output {
        let words = ["models", "fit-norm", "--agreed", "--data"].map(Path::new);
        let (data, out) = (self.path("data"), self.models().join("ours"));
        let rest = [data.as_path(), Path::new("--out"), out.as_path()];
        let words = [words.as_slice(), rest.as_slice()].concat();
        self.run("bundle.yaml", &words)
    }

    fn report(&self, bundle: &str, study: &Path) -> Value {
        let output = self.run(bundle, &[Path::new("predict"), study]);
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
        answer["reports"][0].clone()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_sites_norm_is_no_pathology_once_it_is_fitted() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let site = Site::new(onnxruntime);
    let (norm, effusion) = (
        site.phantom("new.zip", 100, false),
        site.phantom("effusion.zip", 100, true),
    );
    let verdict = |report: &Value| report["verdict"].as_str().unwrap().to_owned();
    let probability = |report: &Value| report["probability_of_pathology"].as_f64().unwrap();
    assert_eq!(verdict(&site.report("bundle.yaml", &norm)), "pathology");

    let fitted = site.fit_norm(&site.path("norm"));
    assert!(fitted.status.success(), "{}", text(&fitted.stderr));
    let said = text(&fitted.stdout);
    assert!(
        said.contains(&format!("from {SITE_STUDIES} norm studies")),
        "{said}"
    );
    for point in ["f1", "youden", "sensitivity_95 (default)", "sensitivity_99"] {
        assert!(
            said.contains(&format!("  {point}: false-positive rate ")),
            "{said}"
        );
    }
    assert!(said.contains("fewer than 30 studies"), "{said}");

    let (before, after) = (
        site.report("bundle-ours.yaml", &norm),
        site.report("bundle-ours.yaml", &effusion),
    );
    // These phantoms' slices lie 5 mm apart, where the vessels may be an opacity: the models say norm, and the measures that
    // norm needs beside them cannot be taken.
    assert_eq!(verdict(&before), "undetermined", "{before}");
    assert_eq!(before["reasons"][0]["code"], "measures_missing", "{before}");
    assert_eq!(before["reasons"].as_array().unwrap().len(), 1, "{before}");
    let threshold = before["operating_point"]["threshold"].as_f64().unwrap();
    assert!(probability(&before) < threshold, "{before}");
    assert_eq!(verdict(&after), "pathology", "{after}");
    assert!(probability(&before) < probability(&after));
    assert_eq!(before["bundle"]["name"], "ours");
    let version_of = |bundle: &str| {
        let text = fs::read_to_string(site.models().join(bundle)).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("version: "));
        line.unwrap().to_owned()
    };
    assert_ne!(version_of("bundle-ours.yaml"), version_of("bundle.yaml"));
    assert_eq!(before["bundle"]["version"], version_of("bundle-ours.yaml"));

    // Nothing is written over.
    let again = site.fit_norm(&site.path("norm"));
    assert!(!again.status.success());
    assert!(
        text(&again.stderr).contains("exists already"),
        "{}",
        text(&again.stderr)
    );
}

#[test]
fn pathology_among_the_norm_studies_is_pointed_at() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let site = Site::new(onnxruntime);
    let effusion = site.phantom("norm/5.zip", 5, true);
    let uid = {
        let report = site.report("bundle.yaml", &effusion);
        report["study"]["study_instance_uid"].as_str().unwrap().to_owned()
    };
    let fitted = site.fit_norm(&site.path("norm"));
    assert!(fitted.status.success(), "{}", text(&fitted.stderr));
    let said = text(&fitted.stdout);
    let doubtful: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("look again"))
        .collect();
    assert!(!doubtful.is_empty() && doubtful.len() < 4, "{said}");
    assert!(doubtful[0].contains(&uid), "{said}");
}

/// What would get no verdict is no norm, and a study that comes twice counts once.
#[test]
fn studies_that_fail_a_check_and_doubles_are_left_out() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let site = Site::new(onnxruntime);
    fs::copy(site.path("norm/3.zip"), site.path("norm/3-again.zip")).unwrap();
    let gap = PhantomOptions {
        seed: 50,
        missing_slices: vec![28, 29, 30],
        ..PhantomOptions::small()
    };
    phantom_zip(&gap, &site.path("norm/gap.zip")).unwrap();
    let fitted = site.fit_norm(&site.path("norm"));
    assert!(fitted.status.success(), "{}", text(&fitted.stderr));
    let said = text(&fitted.stdout);
    assert!(
        said.contains(&format!("from {SITE_STUDIES} norm studies")),
        "{said}"
    );
    assert!(
        said.contains("left out 1 study that failed a quality check"),
        "{said}"
    );
    assert!(said.contains("left out 1 study that came twice"), "{said}");
    let told = text(&fitted.stderr);
    assert!(told.contains("slice_gap"), "{told}");
    assert!(told.contains("among them already"), "{told}");
}

#[test]
fn a_handful_of_studies_is_no_norm() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let site = Site::new(onnxruntime);
    let refused = site.fit_norm(&site.path("norm/3.zip"));
    assert!(!refused.status.success());
    assert!(
        text(&refused.stderr).contains("at least 10 are needed"),
        "{}",
        text(&refused.stderr)
    );
    assert!(!site.models().join("ours").exists());
    assert!(!site.models().join("bundle-ours.yaml").exists());
}

/// The installation that keeps the studies, and what readers said of them.
async fn judged(site: &Site) {
    let data = site.path("data");
    let database = database_in(&data).await;
    let objects = Objects::folder(&data.join("objects")).unwrap();
    let judge = async |file: &Path, labels: &[&str]| {
        let upload = fs::read(file).unwrap().into();
        let (scan_id, analysis_id) = request_study(&database, &objects, upload).await;
        let report = plain_report(analysis_id, scan_id, Verdict::Undetermined);
        assert!(database.complete_analysis(report).await.unwrap());
        for label in labels {
            let word = NewFeedback {
                analysis_id,
                agree: false,
                label: Some((*label).to_owned()),
                comment: None,
                user: None,
            };
            database.add_feedback(word).await.unwrap();
        }
        scan_id
    };
    for seed in 0..SITE_STUDIES {
        judge(&site.path(&format!("norm/{seed}.zip")), &["norm"]).await;
    }
    let other = site.phantom("other.zip", 60, true);
    judge(&other, &["pathology"]).await;
    judge(&other, &["norm", "pathology"]).await;
    judge(&other, &[]).await;
    let gone = judge(&other, &["norm"]).await;
    objects.delete(ObjectKey::Original(gone)).await.unwrap();
}

async fn database_in(data: &Path) -> Database {
    fs::create_dir_all(data).unwrap();
    let url = format!("sqlite://{}", data.join("norma.db").display());
    Database::open(&url).await.unwrap()
}

/// Whichever bundle answered: what readers agreed on is about the study.
#[test]
fn what_readers_agreed_to_be_norm_is_the_sites_norm() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let site = Site::new(onnxruntime);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { drop(database_in(&site.path("data")).await) });
    let nothing = site.fit_agreed();
    assert_eq!(nothing.status.code(), Some(1));
    let told = text(&nothing.stderr);
    assert!(told.contains("no study was agreed to be norm"), "{told}");

    runtime.block_on(judged(&site));
    let fitted = site.fit_agreed();
    assert!(fitted.status.success(), "{}", text(&fitted.stderr));
    let said = text(&fitted.stdout);
    for what in [
        format!("readers agreed that {} are norm", SITE_STUDIES + 1),
        "left out 1 study that cannot be read".to_owned(),
        format!("from {SITE_STUDIES} norm studies"),
    ] {
        assert!(said.contains(&what), "{what}: {said}");
    }
    let told = text(&fitted.stderr);
    assert!(
        told.contains("left out: 1 on which readers disagree") && told.contains("object_missing"),
        "{told}"
    );
    assert!(site.models().join("bundle-ours.yaml").exists());
}
