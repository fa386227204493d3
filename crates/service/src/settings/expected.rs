//! Who says how many instances the studies have that are sent.

use std::collections::{BTreeMap, BTreeSet};

use norma_domain::CountedBy;
use serde::Deserialize;

use super::sources::SourceSettings;
use super::value::{comma_separated, list, optional};

/// Of whose studies, who says how many instances they have. What is not said has the value that `config/base.yaml` tells.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedSettings {
    /// AE titles of who sends; empty: all others, and STOW-RS.
    #[serde(default, deserialize_with = "comma_separated")]
    pub callers: Vec<String>,
    #[serde(default, deserialize_with = "list")]
    pub by: Vec<CountedBy>,
    /// A name of `pacs.sources`.
    #[serde(default, deserialize_with = "optional")]
    pub source: Option<String>,
    #[serde(default)]
    pub level: ExpectedLevel,
    /// How long a study of which something is missing waits, from its first instance.
    #[serde(default = "half_an_hour")]
    pub longest_wait_seconds: u64,
}

/// Of what the instances are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedLevel {
    /// The whole study.
    #[default]
    Study,
    /// Each series of which something came.
    Series,
}

const fn half_an_hour() -> u64 {
    1800
}

impl ExpectedSettings {
    fn problem(
        &self,
        sources: &BTreeMap<String, SourceSettings>,
        quiet_seconds: u64,
    ) -> Option<&'static str> {
        let asks = self.by.contains(&CountedBy::Source);
        let is_known = |source: &String| sources.contains_key(source);
        if self.by.is_empty() {
            Some("needs by: stated, source or mpps")
        } else if asks != self.source.is_some() {
            Some(
                "has by: source and source not together: source names the archive of pacs.sources that is asked",
            )
        } else if !self.source.as_ref().is_none_or(is_known) {
            Some("has a source that is none of pacs.sources")
        } else if self.longest_wait_seconds <= quiet_seconds {
            Some("has a longest_wait_seconds that is not longer than pacs.quiet_seconds")
        } else {
            None
        }
    }
}

/// What cannot be used, and why.
pub(super) fn problem_of_expected(
    all: &BTreeMap<String, ExpectedSettings>,
    sources: &BTreeMap<String, SourceSettings>,
    quiet_seconds: u64,
) -> Option<(String, &'static str)> {
    let mut callers = BTreeSet::new();
    all.iter().find_map(|(name, expected)| {
        let mut own = expected.callers.iter().map(|caller| caller.trim());
        let are_first = if expected.callers.is_empty() {
            callers.insert("")
        } else {
            own.all(|caller| callers.insert(caller))
        };
        let twice =
            "has a caller that another one has, or has none as another one has none: what holds is not told";
        let problem = expected
            .problem(sources, quiet_seconds)
            .or_else(|| (!are_first).then_some(twice))?;
        Some((format!("pacs.expected.{name}"), problem))
    })
}
