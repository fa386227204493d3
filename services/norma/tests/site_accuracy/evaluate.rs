use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};

use crate::answered::AnsweredSite;
use crate::{Site, text};

fn evaluate(site: &Site, words: &[&str]) -> (Value, String) {
    let output = site.norma(&[&["evaluate", "--out", "out"], words].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let read = |name: &str| fs::read_to_string(site.path("out").join(name)).unwrap();
    (
        serde_json::from_str(&read("evaluation.json")).unwrap(),
        read("evaluation.html"),
    )
}

/// Ten pathologies, of which one has the lowest score of all; ten norms.
fn labels() -> String {
    let mut labels = "study,score,label,sex,age,scanner,pathology_type\n".to_owned();
    for at in 0..9 {
        writeln!(
            labels,
            "p{at},{:.2},1,F,{},<b>A & B</b>,emphysema",
            0.90 + f64::from(at) / 100.0,
            40 + at
        )
        .unwrap();
    }
    writeln!(labels, "<script>alert(1)</script>,0.0001,1,M,81,C,nodule").unwrap();
    for at in 0..10 {
        writeln!(labels, "n{at},{:.3},0,M,45,C,", 0.001 + f64::from(at) / 1000.0).unwrap();
    }
    writeln!(labels, "u,,1,F,50,C,").unwrap();
    labels
}

#[test]
fn a_table_gives_an_honest_report() {
    let site = Site::new();
    let table = site.table(&labels());
    let (report, page) = evaluate(&site, &[&table]);
    assert_eq!(report["schema"], "norma.evaluation/v1");
    assert_eq!(
        report["flow"],
        json!({
            "pathologies": 10, "norms": 10, "undetermined_pathologies": 1, "undetermined_norms": 0,
            "decided_by_measures": 0, "withheld": 0, "left_out": {}
        })
    );
    // Nine of ten pathologies are above every norm, one below all.
    assert!((report["roc"]["area"].as_f64().unwrap() - 0.9).abs() < 1e-12);
    let points = report["operating_points"].as_array().unwrap();
    for point in points {
        let threshold = point["threshold"].as_f64().unwrap();
        let found = (0..9)
            .filter(|at| 0.90 + f64::from(*at) / 100.0 >= threshold)
            .count();
        assert_eq!(point["sensitivity"]["successes"], json!(found));
        assert_eq!(point["sensitivity"]["trials"], 10);
        // The undetermined pathology counts against it.
        assert_eq!(point["found_of_all"]["trials"], 11);
        assert_eq!(point["specificity"]["trials"], 10);
        assert_eq!(point["predictive_values"].as_array().unwrap().len(), 3);
    }
    let groups = report["groups"].as_array().unwrap();
    let group = |by: &str, name: &str| {
        let found = groups
            .iter()
            .find(|group| group["by"] == by && group["group"] == name);
        found
            .unwrap_or_else(|| panic!("no group {by} {name}: {groups:?}"))
            .clone()
    };
    assert_eq!(group("age_band", "80+")["sensitivity"]["trials"], 1);
    assert_eq!(group("sex", "F")["undetermined"], 1);
    assert_eq!(group("pathology", "nodule")["sensitivity"]["successes"], 0);
    let misses = report["misses"].as_array().unwrap();
    assert_eq!(misses[0]["study"], "<script>alert(1)</script>");
    assert_eq!(misses[0]["href"], Value::Null);

    // One file that runs and fetches nothing, in both languages, whatever the table holds.
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("&lt;b&gt;A &amp; B&lt;/b&gt;"));
    for absent in ["http://", "https://", "src=", "url(", "@import"] {
        assert!(!page.contains(absent), "{absent}");
    }
    for said in [
        "How accurate the answers are here",
        "Насколько точны ответы здесь",
        "<svg",
    ] {
        assert!(page.contains(said), "{said}");
    }
    let texts = |lang: &str| page.matches(&format!("lang=\"{lang}\"")).count();
    // The document itself is marked as English.
    assert_eq!(texts("en"), texts("ru") + 1);
}

#[test]
fn readers_words_give_links_to_what_was_missed() {
    let site = Site::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let missed = runtime.block_on(async {
        let answered = AnsweredSite::open(&site).await;
        let (missed, analysis) = answered.answered(Some(0.0001), None).await;
        answered.says(analysis, false, Some("pathology")).await;
        let (_, norm) = answered.answered(Some(0.0002), None).await;
        answered.says(norm, true, None).await;
        // Found, though not by the models: no miss.
        for score in [Some(0.0003), None] {
            let (_, found) = answered.found_by_measures(score).await;
            answered.says(found, true, None).await;
        }
        missed
    });
    let (report, page) = evaluate(&site, &["--data", "data", "--url", "https://norma.example"]);
    let href = format!("https://norma.example/studies/{missed}");
    assert_eq!(report["misses"][0]["href"], json!(href));
    assert!(page.contains(&format!("<a href=\"{href}\">")));
    assert_eq!(report["misses"].as_array().unwrap().len(), 1);
    assert_eq!(report["operating_points"][0]["sensitivity"]["successes"], 2);
    assert_eq!(report["label_source"], "feedback");
    // Two were decided by measures: found at every point, and no probability of theirs is called 1.
    assert_eq!(report["flow"]["decided_by_measures"], 2);
    assert!(page.contains("Pathology by what was measured"));
    let told = report["reliability"]["mean_probability"].as_f64().unwrap();
    assert!((told - 0.0002).abs() < 1e-12, "{told}");
}

#[test]
fn the_point_in_use_is_that_of_the_settings() {
    let site = Site::new();
    let table = site.table(&labels());
    let settings = site.path("settings.yaml");
    fs::write(&settings, "analysis:\n  operating_point: sensitivity_95\n").unwrap();
    let (by_bundle, _) = evaluate(&site, &[&table]);
    let (by_settings, _) = evaluate(&site, &["--config", settings.to_str().unwrap(), &table]);
    assert_ne!(by_bundle["default_operating_point"], "sensitivity_95");
    assert_eq!(by_settings["default_operating_point"], "sensitivity_95");
}

#[test]
fn nothing_labelled_is_no_report() {
    let site = Site::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(AnsweredSite::open(&site));
    let output = site.norma(&["evaluate", "--out", "out", "--data", "data"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no labelled study"));
    assert!(!site.path("out").exists());
}

#[test]
fn a_table_of_studies_that_nobody_answered_says_what_to_check() {
    let site = Site::new();
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(async { drop(AnsweredSite::open(&site).await) });
    let labels = site.table("study,label\n1.2.3.4,1\nno-uid,0\n");
    let output = site.norma(&["evaluate", &labels, "--data", "data", "--out", "out"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains("left out: 2 without a completed analysis")
            && told.contains("check that the column `study`"),
        "{told}"
    );
    assert!(!told.contains("no-uid"), "{told}");
}

/// Of one label alone nothing is known of the other: no figure of it, and no calibration.
#[test]
fn of_one_label_alone_nothing_is_told_of_the_other() {
    let site = Site::new();
    let mut labels = "score,label,manufacturer,model,kernel,slice_thickness_mm,contrast\n".to_owned();
    for at in 0..20 {
        labels.push_str(&format!("0.{at:02}1,1,SIEMENS,Force,Br40d,1.0,no\n"));
    }
    let labels = site.table(&labels);
    let output = site.norma(&["evaluate", &labels, "--out", "out"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = std::fs::read_to_string(site.path("out").join("evaluation.html")).unwrap();
    for told in [
        "Not measured: both labels are needed.",
        "Не измерена: нужны исследования обоих классов.",
        "<span lang=\"ru\">siemens force, BR40, до 1,5 мм, без контраста</span>",
        "<span lang=\"ru\">строка</span> 2",
        // Of twenty all are missed, and false alarms there can be none.
        "<td>20</td><td>–</td>",
    ] {
        assert!(page.contains(told), "{told}");
    }
    assert!(!page.contains("Brier"));
}
