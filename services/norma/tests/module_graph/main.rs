//! No rings between modules: whoever reads a module need not read those above it.
//!
//! `scripts/module-graph` prints the modules, their arrows, the rings and the sizes of files.

mod graph;
mod sizes;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use graph::{Crate, rings};

/// Rings that are known and to be mended: a list that only gets shorter. Crate, module they lie in, members.
const KNOWN_RINGS: &[(&str, &str, &[&str])] = &[];

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folders of all crates below `root`, by their names.
fn crates(root: &Path) -> Vec<(String, PathBuf)> {
    let mut crates = Vec::new();
    for group in ["crates", "services"] {
        for entry in std::fs::read_dir(root.join(group)).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            let name = path
                .file_name()
                .expect("a folder has a name")
                .to_string_lossy()
                .into_owned();
            crates.push((format!("{group}/{name}"), path));
        }
    }
    crates.push(("fuzz".to_owned(), root.join("fuzz")));
    crates.sort();
    crates
}

fn written(scope: &[String]) -> String {
    if scope.is_empty() {
        "crate".to_owned()
    } else {
        format!("crate::{}", scope.join("::"))
    }
}

#[test]
fn no_modules_lead_to_each_other() {
    let known: BTreeSet<(String, String, Vec<String>)> = KNOWN_RINGS
        .iter()
        .map(|(name, scope, members)| {
            let members = members.iter().map(ToString::to_string).collect();
            ((*name).to_owned(), (*scope).to_owned(), members)
        })
        .collect();
    let mut found = BTreeSet::new();
    for (name, folder) in crates(&workspace_root()) {
        for (scope, members) in rings(&Crate::read(&folder).arrows()) {
            found.insert((name.clone(), written(&scope), members));
        }
    }
    let new: Vec<_> = found.difference(&known).collect();
    let mended: Vec<_> = known.difference(&found).collect();
    assert!(
        new.is_empty(),
        "these modules lead to each other; move what they share below both: {new:#?}"
    );
    assert!(
        mended.is_empty(),
        "these rings are mended: take them from KNOWN_RINGS: {mended:#?}"
    );
}

#[test]
fn a_ring_is_found() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let source = folder.path().join("src");
    std::fs::create_dir_all(source.join("room")).expect("a folder can be made");
    let write =
        |name: &str, text: &str| std::fs::write(source.join(name), text).expect("a file can be written");
    write("lib.rs", "mod room; mod above; mod below; pub use room::Inner;");
    write("room/mod.rs", "mod inner; mod other; pub use inner::Inner;");
    write("room/inner.rs", "use crate::below::X; pub struct Inner;");
    // By way of what the room passes on.
    write(
        "room/other.rs",
        "use super::Inner; #[cfg(test)] mod tests { use crate::above::Y; }",
    );
    write("above.rs", "fn f() { crate::room::Inner; }");
    write("below.rs", "pub struct X;");
    assert_eq!(rings(&Crate::read(folder.path()).arrows()), BTreeSet::new());

    write("below.rs", "pub struct X; m!(crate::above::Y);");
    write(
        "room/inner.rs",
        "use crate::below::X; use super::other::Z; pub struct Inner;",
    );
    let found: Vec<(Vec<String>, Vec<String>)> =
        rings(&Crate::read(folder.path()).arrows()).into_iter().collect();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        found,
        [
            (names(&[]), names(&["above", "below", "room"])),
            (names(&["room"]), names(&["inner", "other"])),
        ]
    );
}

#[test]
#[ignore = "prints; scripts/module-graph runs it"]
fn print_module_graph() {
    let root = std::env::var_os("TREE").map_or_else(workspace_root, PathBuf::from);
    let (mut modules, mut all_arrows, mut all_rings) = (0, 0, 0);
    for (name, folder) in crates(&root) {
        let tree = Crate::read(&folder);
        let arrows = tree.arrows();
        let rings = rings(&arrows);
        println!(
            "\n{name}: {} modules, {} arrows, {} rings",
            tree.modules(),
            arrows.len(),
            rings.len()
        );
        for (scope, members) in &rings {
            println!("  ring in {}: {}", written(scope), members.join(" ↔ "));
        }
        if std::env::var_os("ARROWS").is_some() {
            for arrow in &arrows {
                println!("  {}: {} → {}", written(&arrow.scope), arrow.from, arrow.to);
            }
        }
        modules += tree.modules();
        all_arrows += arrows.len();
        all_rings += rings.len();
    }
    println!("\nin all: {modules} modules, {all_arrows} arrows, {all_rings} rings\n");
    sizes::print(&root);
}
