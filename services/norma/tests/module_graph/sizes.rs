//! How long files are, and what stands in them twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::graph::source_files;

/// So many lines that stand twice are a repetition.
const REPEATED_LINES: usize = 10;

#[expect(clippy::print_stdout, reason = "a report for a person")]
pub(crate) fn print(root: &Path) {
    let groups: [(&str, &[&str], &[&str]); 3] = [
        ("Rust", &["crates", "services", "fuzz"], &["rs"]),
        ("TypeScript", &["web/src"], &["ts", "tsx"]),
        ("Python", &["models", "bench"], &["py"]),
    ];
    for (language, folders, extensions) in groups {
        let mut files = Vec::new();
        for folder in folders {
            source_files(&root.join(folder), extensions, &mut files);
        }
        let mut lengths: Vec<(usize, &PathBuf)> =
            files.iter().map(|file| (lines_of(file).len(), file)).collect();
        lengths.sort();
        let at = |share: f64| {
            let index = (share * lengths.len().saturating_sub(1) as f64).round() as usize;
            lengths.get(index).map_or(0, |(lines, _)| *lines)
        };
        let total: usize = lengths.iter().map(|(lines, _)| lines).sum();
        let above = |limit: usize| lengths.iter().filter(|(lines, _)| *lines > limit).count();
        println!(
            "{language}: {} files, {total} lines; median {}, nine in ten at most {}, longest {}; {} above 300, {} above 500; {} lines stand more than once",
            lengths.len(),
            at(0.5),
            at(0.9),
            at(1.0),
            above(300),
            above(500),
            repeated_lines(&files),
        );
    }
}

fn lines_of(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).expect("the file can be read");
    text.lines().map(|line| line.trim().to_owned()).collect()
}

/// Lines that belong to a stretch of [`REPEATED_LINES`] which stands in another place too. Blank lines, comments, `use`
/// and lines of brackets alone do not count.
fn repeated_lines(files: &[PathBuf]) -> usize {
    let mut stretches: BTreeMap<Vec<String>, Vec<(usize, usize)>> = BTreeMap::new();
    for (number, file) in files.iter().enumerate() {
        let lines: Vec<String> = lines_of(file)
            .into_iter()
            .filter(|line| {
                line.chars().any(char::is_alphanumeric)
                    && !["//", "use ", "import ", "from ", "#", "*"]
                        .iter()
                        .any(|start| line.starts_with(start))
            })
            .collect();
        for (place, stretch) in lines.windows(REPEATED_LINES).enumerate() {
            stretches
                .entry(stretch.to_vec())
                .or_default()
                .push((number, place));
        }
    }
    let repeated: BTreeSet<(usize, usize)> = stretches
        .into_values()
        .filter(|places| places.len() > 1)
        .flatten()
        .flat_map(|(file, place)| (place..place + REPEATED_LINES).map(move |line| (file, line)))
        .collect();
    repeated.len()
}
