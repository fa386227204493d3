//! Rules for studies that come.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::pacs::DestinationSettings;
use super::value::{comma_separated, list, optional};

const LONGEST_NAME: usize = 64;
const MOST_RULES: usize = 100;

/// Which studies are analysed and how, and where results go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingSettings {
    /// The first that fits decides.
    pub rules: Vec<RoutingRule>,
}

/// A rule: what a study has to be like, and what is done with it then.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingRule {
    pub name: String,
    #[serde(default)]
    pub when: RoutingFilter,
    #[serde(default = "yes")]
    pub analyze: bool,
    #[serde(default, deserialize_with = "optional")]
    pub operating_point: Option<String>,
    /// None: wherever results go.
    #[serde(default)]
    pub destinations: Option<Vec<String>>,
    #[serde(default)]
    pub priority: Option<RoutingPriority>,
}

/// What a study has to be like: everything that is said. Patterns: `*` for any characters, `?` for one, whatever the case; one of
/// them has to fit.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoutingFilter {
    #[serde(deserialize_with = "comma_separated")]
    pub modality: Vec<String>,
    #[serde(deserialize_with = "comma_separated")]
    pub body_part: Vec<String>,
    #[serde(deserialize_with = "comma_separated")]
    pub series_description: Vec<String>,
    #[serde(deserialize_with = "comma_separated")]
    pub station: Vec<String>,
    #[serde(deserialize_with = "comma_separated")]
    pub study_description: Vec<String>,
    #[serde(deserialize_with = "comma_separated")]
    pub institution: Vec<String>,
    #[serde(deserialize_with = "comma_separated")]
    pub calling: Vec<String>,
    #[serde(deserialize_with = "comma_separated")]
    pub requested_priority: Vec<String>,
    /// An earlier study that was pulled; else one that was not.
    pub prior: bool,
    /// Ways that a study comes by; empty: by C-STORE alone.
    #[serde(deserialize_with = "list")]
    pub came_by: Vec<RoutingWay>,
}

/// How a study comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutingWay {
    #[default]
    CStore,
    StowRs,
    /// Of a file: the page, `POST /api/scans`, `POST /inference/predict`.
    Upload,
}

impl RoutingWay {
    /// As the settings name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CStore => "c_store",
            Self::StowRs => "stow_rs",
            Self::Upload => "upload",
        }
    }
}

impl RoutingFilter {
    /// Whether a rule looks at studies that come so.
    pub fn is_for(&self, way: RoutingWay) -> bool {
        match self.came_by.as_slice() {
            [] => way == RoutingWay::CStore,
            ways => ways.contains(&way),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutingPriority {
    Routine,
    /// Of callers that may send urgent studies.
    Urgent,
}

fn yes() -> bool {
    true
}

impl RoutingSettings {
    /// The setting that cannot be used, and why: what the types alone cannot say.
    pub(super) fn problem(
        &self,
        destinations: &BTreeMap<String, DestinationSettings>,
    ) -> Option<(String, &'static str)> {
        let of = |name: &str, problem| Some((format!("routing.rules ({name})"), problem));
        if self.rules.len() > MOST_RULES {
            return of("all", "are more than 100");
        }
        let mut names = BTreeSet::new();
        for rule in &self.rules {
            let name = rule.name.as_str();
            if name.trim().is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
                return of(name, "has a name that is none: 1 to 64 characters");
            }
            if !names.insert(name) {
                return of(name, "has the name of another rule");
            }
            let is_idle =
                rule.operating_point.is_some() || rule.destinations.is_some() || rule.priority.is_some();
            if !rule.analyze && is_idle {
                return of(
                    name,
                    "has operating_point, destinations or priority, which go with analyze: true alone",
                );
            }
            if !rule.analyze && rule.when.is_for(RoutingWay::Upload) {
                return of(
                    name,
                    "has analyze: false for uploads: who uploads a file asks for its analysis or does not",
                );
            }
            let mut named = rule.destinations.iter().flatten();
            if named.any(|name| !destinations.contains_key(name)) {
                return of(name, "has a destination that is none of pacs.destinations");
            }
        }
        None
    }
}
