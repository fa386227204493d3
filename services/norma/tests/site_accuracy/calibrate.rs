use std::fmt::Write as _;

use serde_json::json;

use crate::answered::AnsweredSite;
use crate::{Site, json, text};

/// Pathologies from 0.30 upwards and norms from 0 upwards, in steps of a hundredth or less.
fn table(pathologies: usize, norms: usize) -> String {
    let mut table = "score,label\n".to_owned();
    for at in 0..pathologies {
        writeln!(table, "{:.4},pathology", 0.3 + at as f64 / 1000.0).unwrap();
    }
    for at in 0..norms {
        writeln!(table, "{:.4},norm", at as f64 / 200.0).unwrap();
    }
    table
}

#[test]
fn a_table_gives_a_threshold_with_its_promise() {
    let site = Site::new();
    let labels = site.table(&table(93, 100));
    let output = site.norma(&["calibrate", &labels]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    // 93 positives allow one miss; 61 of 100 norms lie below 0.301.
    assert!(
        said.starts_with(
            "sensitivity >= 95 % with confidence 95 % at threshold 0.301: releases 61 % (51–71) of norms; n = 193\n"
        ),
        "{said}"
    );
    assert!(
        said.contains("found 92 of 93 pathologies: 98.9 % (94.2–99.9)"),
        "{said}"
    );
    assert!(said.contains("where 10 % of studies are pathology"), "{said}");

    let output = site.norma(&["calibrate", &labels, "--format", "json", "--prevalence", "0.2"]);
    let report = json(&output);
    assert_eq!(report["fit"]["outcome"], "holds");
    assert_eq!(report["fit"]["threshold"], 0.301);
    assert_eq!(report["predictive_values"].as_array().unwrap().len(), 1);
    assert_eq!(report["predictive_values"][0]["prevalence"], 0.2);
}

#[test]
fn too_few_cases_give_no_threshold_and_exit_code_2() {
    let site = Site::new();
    let labels = site.table(&table(21, 50));
    let output = site.norma(&["calibrate", &labels]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stdout);
    assert!(
        said.starts_with("not enough cases: 59 positives without a miss are needed, 21 are there\n"),
        "{said}"
    );
    assert!(!said.contains("at threshold"), "{said}");
    let asked_for_less = site.norma(&["calibrate", &labels, "--sensitivity", "0.85"]);
    assert!(asked_for_less.status.success());
}

#[test]
fn what_cannot_be_read_is_told_without_its_cells() {
    let site = Site::new();
    let labels = site.table("score,label\n0.5,pathology\n0.5,Ivanova\n");
    let output = site.norma(&["calibrate", &labels]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("line 3") && !said.contains("Ivanova"), "{said}");
    for words in [
        ["--sensitivity", "1"],
        ["--confidence", "0"],
        ["--prevalence", "1.5"],
    ] {
        let output = site.norma(&[&["calibrate", labels.as_str()], words.as_slice()].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(words[0]));
    }
}

#[test]
fn what_readers_said_is_a_labelled_set() {
    let site = Site::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let named = runtime.block_on(async {
        let answered = AnsweredSite::open(&site).await;
        for at in 0..60 {
            let (_, analysis) = answered.answered(Some(0.6 + f64::from(at) / 1000.0), None).await;
            answered.says(analysis, true, None).await;
        }
        // A miss, by a reader who names the finding.
        let (miss, analysis) = answered.answered(Some(0.2), None).await;
        answered.says(analysis, false, Some("pathology")).await;
        // Two norm studies of one patient are one; the harder counts.
        let patient = answered.patient().await;
        for score in [0.1, 0.3] {
            let (_, analysis) = answered.answered(Some(score), Some(patient)).await;
            answered.says(analysis, true, None).await;
        }
        let (_, disputed) = answered.answered(Some(0.1), None).await;
        answered.says(disputed, true, None).await;
        answered.says(disputed, false, None).await;
        let (_, foreign) = answered.answered_otherwise(0.1).await;
        answered.says(foreign, false, None).await;
        let (_, undetermined) = answered.answered(None, None).await;
        answered.says(undetermined, false, Some("pathology")).await;
        let (_, unlabelled) = answered.answered(None, None).await;
        answered.says(unlabelled, true, None).await;
        answered.answered(Some(0.9), None).await;
        miss
    });
    let output = site.norma(&["calibrate", "--data", "data", "--format", "json"]);
    let report = json(&output);
    assert_eq!(report["label_source"], "feedback");
    assert_eq!(
        (&report["pathologies"], &report["norms"]),
        (&json!(61), &json!(1))
    );
    assert_eq!(report["undetermined_pathologies"], 1);
    assert_eq!(
        report["left_out"],
        json!({"other_bundle": 1, "readers_disagree": 1, "no_label": 1, "same_patient": 1})
    );
    // 61 positives allow no miss, so the threshold falls to the one that was missed.
    assert_eq!(report["fit"]["threshold"], 0.2);
    assert_eq!(report["fit"]["specificity"], json!({"successes": 0, "trials": 1}));

    // The same study, named in a table by its scan; another one that nobody analysed.
    let labels = site.table(&format!("study,label\n{named},1\n1.2.3.4,0\n"));
    let output = site.norma(&["calibrate", &labels, "--data", "data"]);
    let said = text(&output.stdout);
    assert!(
        said.contains("1 are there") && said.contains("left out: 1 without a completed analysis"),
        "{said}"
    );
}

/// A threshold of studies that do not tell their scanner would act on every one: it is taken where it is lower, and refused where it is
/// higher.
#[test]
fn without_scanners_no_higher_threshold_is_written() {
    let site = Site::new();
    let bundle = site.own_bundle();
    let in_use = norma_inference::Bundle::load(&bundle).unwrap();
    let in_use = in_use.default_operating_point().threshold.value();
    let written = site.path("models/site.yaml");
    let calibrate = |lowest: f64| {
        let mut labels = "score,label\n".to_owned();
        for at in 0..59 {
            writeln!(labels, "{:.6},1", lowest + (1.0 - lowest) * f64::from(at) / 60.0).unwrap();
        }
        let labels = site.table(&labels);
        let words = ["calibrate", &labels, "--write-bundle", written.to_str().unwrap()];
        site.norma_with(&bundle, &words)
    };
    let refused = calibrate(f64::midpoint(in_use, 1.0));
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("add the columns manufacturer, model"));
    assert!(!written.exists());
    let lower = calibrate(in_use / 2.0);
    assert!(lower.status.success(), "{}", text(&lower.stderr));
    assert!(text(&lower.stderr).contains("verified on no scanner"));
    let loaded = norma_inference::Bundle::load(&written).unwrap();
    let threshold = loaded.default_operating_point().threshold.value();
    assert!((threshold - in_use / 2.0).abs() < 1e-5, "{threshold}");
}

/// Sixty pathologies of one scanner, thirty of another: the bound holds for all together, and for the first by itself.
#[test]
fn a_written_bundle_is_verified_where_its_own_cases_say_so() {
    let site = Site::new();
    let bundle = site.own_bundle();
    let mut labels = "score,label,manufacturer,model,kernel,slice_thickness_mm,contrast\n".to_owned();
    for at in 0..90 {
        let model = if at < 60 { "Force" } else { "Drive" };
        writeln!(
            labels,
            "{:.3},1,SIEMENS,{model},Br40d,1.0,no",
            0.4 + f64::from(at) / 1000.0
        )
        .unwrap();
    }
    for at in 0..40 {
        writeln!(
            labels,
            "{:.3},0,SIEMENS,Force,Br40d,1.0,no",
            f64::from(at) / 100.0
        )
        .unwrap();
    }
    let labels = site.table(&labels);
    let written = site.path("models/site.yaml");
    let written = written.to_str().unwrap();
    let calibrate = |path: &str| site.norma_with(&bundle, &["calibrate", &labels, "--write-bundle", path]);
    let output = calibrate(written);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stderr);
    assert!(
        told.contains("verified on siemens force, BR40, up to 1.5 mm, no contrast")
            && !told.contains("drive"),
        "{told}"
    );
    let loaded = norma_inference::Bundle::load(std::path::Path::new(written)).unwrap();
    let before = norma_inference::Bundle::load(&bundle).unwrap();
    // The first scanner has its own threshold; what the others are held to is what it was.
    let point = loaded.default_operating_point();
    assert_eq!(
        (point.name.as_str(), point.threshold),
        ("site", before.default_operating_point().threshold)
    );
    let figures = loaded.figures_of(&point.name).unwrap();
    let [own] = figures.by_scanner.as_slice() else {
        panic!("{figures:?}");
    };
    assert_eq!(
        (own.scanner.model.as_str(), own.threshold.value()),
        ("force", 0.4)
    );
    assert_eq!(
        own.measured_on.scanners.as_slice(),
        std::slice::from_ref(&own.scanner)
    );
    assert_eq!(own.measured_on.sources, ["100 labelled studies of the site"]);
    assert_eq!(
        loaded.operating_points().len(),
        before.operating_points().len() + 1
    );
    assert_ne!(loaded.reference().version, before.reference().version);

    // Never over another bundle, nor where its models are not.
    assert!(text(&calibrate(written).stderr).contains("exists already"));
    let elsewhere = site.path("site.yaml");
    let refused = calibrate(elsewhere.to_str().unwrap());
    assert!(text(&refused.stderr).contains("beside the folders of its models"));
    assert!(!elsewhere.exists());
}

/// Of a scanner with half of its rows in full, the bound of all is not the scanner's, and it is told which rows are in none.
#[test]
fn studies_that_tell_no_scanner_or_patient_are_counted_and_copies_too() {
    let site = Site::new();
    let mut labels = "score,label,manufacturer,model,kernel,slice_thickness_mm,contrast\n".to_owned();
    for at in 0..80 {
        let kernel = if at % 2 == 0 { "Br40d" } else { "" };
        writeln!(
            labels,
            "{:.3},1,SIEMENS,Force,{kernel},1.0,no",
            0.4 + f64::from(at) / 1000.0
        )
        .unwrap();
    }
    labels.push_str("0.400,1,SIEMENS,Force,Br40d,1.0,no\n");
    let output = site.norma(&["calibrate", &site.table(&labels)]);
    let said = text(&output.stdout);
    for told in [
        "81 studies tell no patient: each counts as another patient's",
        "40 studies do not tell their scanner in full",
        "siemens force, BR40, up to 1.5 mm, no contrast: 41 labelled studies, 0 of the newest answers",
        "now, youden at 0.5; finds 0 of 41 pathologies",
        "have to be those of fixture 0.0.1",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    let told = text(&output.stderr);
    assert!(told.contains("1 rows are the same as one above"), "{told}");
}

#[test]
fn a_table_that_is_not_there_is_named() {
    let site = Site::new();
    let output = site.norma(&["calibrate", "nowhere.csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nowhere.csv"));
}
