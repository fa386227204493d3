//! Proposals from the first look to the way back, at the terminal.

use norma_database::{AuditQuery, Page};
use serde_json::{Value, json};

use crate::answered::AnsweredSite;
use crate::{Site, json, text};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

fn site() -> Site {
    let site = Site::new();
    runtime().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        for at in 1..=200 {
            answered.answered_on("Force", f64::from(at) * 0.004).await;
        }
    });
    site
}

fn calibrated(site: &Site) -> Value {
    let words = ["calibrate", "--unlabelled", "--data", "data", "--format", "json"];
    json(&site.norma(&words))["profiles"][0].clone()
}

/// Makes a proposal; its id.
fn proposed(site: &Site) -> String {
    proposed_of(site, "0.95")
}

fn proposed_of(site: &Site, sensitivity: &str) -> String {
    let words = [
        "calibrate",
        "--unlabelled",
        "--data",
        "data",
        "--propose",
        "--sensitivity",
    ];
    let output = site.norma(&[words.as_slice(), &[sensitivity]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stderr);
    let id = told
        .strip_prefix("proposal ")
        .and_then(|rest| rest.split(':').next());
    id.unwrap_or_else(|| panic!("{told}")).to_owned()
}

fn decide(site: &Site, decision: &str, id: &str) -> (Option<i32>, String) {
    let output = site.norma(&["proposals", decision, id, "--data", "data", "--comment", "agreed"]);
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn a_proposal_acts_once_it_is_accepted_and_until_it_is_taken_back() {
    let site = site();
    let before = calibrated(&site);
    let id = proposed(&site);
    // Nothing acts that nobody accepted.
    assert_eq!(calibrated(&site), before);
    let listed = text(&site.norma(&["proposals", "list", "--data", "data"]).stdout);
    assert!(
        listed.contains(&id) && listed.contains("open") && listed.contains("by command line"),
        "{listed}"
    );
    let shown = text(&site.norma(&["proposals", "show", &id, "--data", "data"]).stdout);
    assert!(
        shown.contains("proposed for this scanner: 0.02; it releases 2 % (0.5–5) of the studies"),
        "{shown}"
    );
    let bundle = site.norma(&["proposals", "show", &id, "--data", "data", "--format", "bundle"]);
    assert!(
        text(&bundle.stdout).contains("by_scanner:"),
        "{}",
        text(&bundle.stdout)
    );

    let (code, told) = decide(&site, "accept", &id);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains("it acts for every analysis that is requested from now on"),
        "{told}"
    );
    let after = calibrated(&site);
    // The scanner is held to its own threshold, and the answers of before still count: they are of the same models.
    assert_eq!(
        (&after["threshold_in_use"], &after["in_use_is_own"]),
        (&json!(0.02), &json!(true))
    );
    assert_eq!(after["studies"], before["studies"]);
    // The same studies allow no more than what is in use: nothing is proposed, and nothing kept.
    assert_eq!(
        (&after["already_in_use"], &after["threshold"]),
        (&json!(true), &Value::Null)
    );
    let output = site.norma(&["calibrate", "--unlabelled", "--data", "data", "--propose"]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(
        told.contains("already in use: nothing is proposed for this scanner")
            && told.contains("already in use: nothing is written"),
        "{told}"
    );
    let listed = site.norma(&["proposals", "list", "--data", "data"]);
    assert!(text(&listed.stderr).contains("1 of 1"));
    assert!(text(&listed.stdout).trim_end().ends_with("ACTS"));
    let (code, told) = decide(&site, "accept", &id);
    assert_eq!(code, Some(2));
    assert!(told.contains("it was decided before"), "{told}");

    let output = site.norma(&[
        "proposals",
        "withdraw",
        &id,
        "--data",
        "data",
        "--comment",
        "drift",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(calibrated(&site), before);
    // Who accepted it and why stays beside who took it back.
    let shown = text(&site.norma(&["proposals", "show", &id, "--data", "data"]).stdout);
    for (decision, why) in [("accepted", "agreed"), ("withdrawn", "drift")] {
        let is_told =
            |line: &str| line.starts_with(decision) && line.ends_with(&format!(" by command line: {why}"));
        assert!(shown.lines().any(is_told), "{shown}");
    }
    assert_eq!(decide(&site, "withdraw", &id).0, Some(2));

    let actions = runtime().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        let events = answered
            .database
            .list_audit_events(AuditQuery::default(), Page::default());
        let events = events.await.unwrap().items;
        events
            .into_iter()
            .map(|event| event.event.action)
            .collect::<Vec<_>>()
    });
    for action in ["make", "accept", "withdraw"] {
        assert!(
            actions.contains(&format!("threshold_proposal.{action}")),
            "{actions:?}"
        );
    }
}

#[test]
fn what_was_measured_against_other_thresholds_is_made_again() {
    let site = site();
    let (first, second, third) = (proposed(&site), proposed(&site), proposed(&site));
    assert_eq!(decide(&site, "decline", &third).0, Some(0));
    assert_eq!(decide(&site, "accept", &first).0, Some(0));
    let (code, told) = decide(&site, "accept", &second);
    assert_eq!(code, Some(2));
    assert!(told.contains("make it again"), "{told}");
    // Against the thresholds that act now, it can be accepted, and taken back one by one.
    let fourth = proposed_of(&site, "0.9");
    assert_eq!(decide(&site, "accept", &fourth).0, Some(0));
    assert_eq!(decide(&site, "withdraw", &first).0, Some(2));
    assert_eq!(decide(&site, "withdraw", &fourth).0, Some(0));
    assert_eq!(decide(&site, "withdraw", &first).0, Some(0));
    let unknown = "0190aaaa-0000-7000-8000-000000000000";
    let (code, told) = decide(&site, "accept", unknown);
    assert_eq!(code, Some(1));
    assert!(told.contains("there is no such proposal"), "{told}");
}

/// A table that tells every score needs no database to be measured, but what is proposed is measured against what acts.
#[test]
fn a_table_with_scores_proposes_against_the_thresholds_that_act() {
    let site = site();
    let accepted = proposed(&site);
    assert_eq!(decide(&site, "accept", &accepted).0, Some(0));
    let mut labels = "score,label,manufacturer,model,kernel,slice_thickness_mm,contrast\n".to_owned();
    for at in 0..60 {
        labels += &format!("{},1,SIEMENS,Drive,Br40d,1.0,no\n", 0.4 + f64::from(at) * 0.01);
        labels += &format!("{},0,SIEMENS,Drive,Br40d,1.0,no\n", f64::from(at) * 0.005);
    }
    let propose = |labels: &str| {
        let table = site.table(labels);
        site.norma(&["calibrate", &table, "--data", "data", "--propose"])
    };
    let output = propose(&labels);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let id = told
        .strip_prefix("proposal ")
        .and_then(|rest| rest.split(':').next())
        .unwrap_or_else(|| panic!("{told}"));
    let (code, told) = decide(&site, "accept", id);
    assert_eq!(code, Some(0), "{told}");
    // The scanner that had its own before keeps it.
    assert_eq!(calibrated(&site)["in_use_is_own"], true);

    // Too few to propose anything: nothing is kept, and the exit code says so.
    let few = "score,label,manufacturer,model,kernel,slice_thickness_mm,contrast\n0.9,1,SIEMENS,Drive,Br40d,1.0,no\n";
    let output = propose(few);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn a_point_of_the_settings_would_stay_in_use() {
    let site = site();
    let id = proposed(&site);
    let settings = site.path("own.yaml");
    std::fs::write(&settings, "analysis:\n  operating_point: youden\n").unwrap();
    let settings = settings.to_str().unwrap();
    for words in [
        ["--config", settings, "proposals", "accept", &id, "--data", "data"].as_slice(),
        &[
            "--config",
            settings,
            "calibrate",
            "--unlabelled",
            "--data",
            "data",
            "--propose",
        ],
    ] {
        let output = site.norma(words);
        assert_eq!(output.status.code(), Some(1));
        let told = text(&output.stderr);
        assert!(told.contains("analysis.operating_point"), "{told}");
    }
}

/// Accepted, it would act on the bundle that is gone, and the command would say that it acts.
#[test]
fn a_proposal_for_another_bundle_than_the_installed_one_is_not_accepted() {
    let site = site();
    let id = proposed(&site);
    let other = site.own_bundle();
    let written = std::fs::read_to_string(&other).unwrap();
    std::fs::write(&other, written.replacen("version: 0.0.1", "version: 0.0.2", 1)).unwrap();
    let words = ["proposals", "accept", &id, "--data", "data"];
    let refused = site.norma_with(&other, &words);
    assert_eq!(refused.status.code(), Some(2));
    let told = text(&refused.stderr);
    assert!(
        told.contains("another bundle than the one that is installed")
            && told.contains("norma calibrate --propose"),
        "{told}"
    );
    let listed = text(&site.norma(&["proposals", "list", "--data", "data"]).stdout);
    assert!(listed.contains("open") && !listed.contains("ACTS"), "{listed}");
    assert_eq!(decide(&site, "accept", &id).0, Some(0));
}
