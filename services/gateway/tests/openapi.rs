//! What the page is made from is what the gateway says: the OpenAPI document and the values of the display.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;

use serde_json::Value;

/// The file in `web/`, written anew where `UPDATE_OPENAPI` is set.
fn kept(file: &str, current: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../web")
        .join(file);
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, current).unwrap();
    }
    std::fs::read_to_string(&path).unwrap_or_default()
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

#[test]
fn web_has_the_current_document() {
    let current = pretty(&norma_gateway::openapi());
    assert!(
        kept("openapi.json", &current) == current,
        "web/openapi.json is stale: run UPDATE_OPENAPI=1 cargo test -p norma-gateway --test openapi"
    );
}

#[test]
fn web_has_the_current_values_of_the_display() {
    let current = pretty(&norma_gateway::display_values());
    assert!(
        kept("src/api/display.json", &current) == current,
        "web/src/api/display.json is stale: run UPDATE_OPENAPI=1 cargo test -p norma-gateway --test openapi"
    );
}

#[test]
fn the_document_states_the_limits_that_are_checked() {
    let document = serde_json::to_value(norma_gateway::openapi()).unwrap();
    let limits = &norma_gateway::display_values()["limits"];
    for (schema, field, limit) in [
        ("PatientInput", "first_name", "name_characters"),
        ("PatientInput", "last_name", "name_characters"),
        ("PatientInput", "description", "text_characters"),
        ("ScanChange", "description", "text_characters"),
        ("ScanUpload", "description", "text_characters"),
        ("FeedbackInput", "comment", "text_characters"),
        ("UserInput", "display_name", "name_characters"),
        ("UserUpdate", "display_name", "name_characters"),
        ("KeyInput", "name", "name_characters"),
        ("KeyInput", "scope", "name_characters"),
    ] {
        let stated = &document["components"]["schemas"][schema]["properties"][field]["maxLength"];
        assert!(stated.is_u64(), "{schema}.{field} states no limit");
        assert_eq!(stated, &limits[limit], "{schema}.{field}");
    }
    let paging = document["paths"]["/api/scans"]["get"]["parameters"]
        .as_array()
        .unwrap();
    let limit: &Value = paging
        .iter()
        .find(|parameter| parameter["name"] == "limit")
        .unwrap();
    assert_eq!(limit["schema"]["maximum"], limits["page_items"]);
}
