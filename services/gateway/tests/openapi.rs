//! The OpenAPI document is the one that the page's client was generated from.

use std::path::PathBuf;

#[test]
fn web_has_the_current_document() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../web/openapi.json");
    let mut current = serde_json::to_string_pretty(&norma_gateway::openapi()).unwrap();
    current.push('\n');
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &current).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == current,
        "web/openapi.json is stale: run UPDATE_OPENAPI=1 cargo test -p norma-gateway --test openapi"
    );
}
