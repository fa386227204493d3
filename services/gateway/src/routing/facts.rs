//! What rules go by.

use std::collections::BTreeSet;

use norma_dicom_instances::Attributes;
use norma_service::RoutingWay;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const STATION: &str = "00081010";
const MODALITY: &str = "00080060";
const INSTITUTION: &str = "00080080";
const STUDY_DESCRIPTION: &str = "00081030";
const SERIES_DESCRIPTION: &str = "0008103E";
const BODY_PART: &str = "00180015";
const REQUESTED_PRIORITY: &str = "00401003";
/// Of a text that is kept.
const LONGEST_TEXT: usize = 64;
/// Of one study.
const MOST_SERIES: usize = 1000;

/// What a study says that rules go by. Its texts may name a person: not for logs.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StudyFacts {
    pub series: BTreeSet<SeriesFacts>,
    pub study_description: BTreeSet<String>,
    pub institution: BTreeSet<String>,
    pub requested_priority: BTreeSet<String>,
    /// AE titles of those that sent something of it.
    pub calling: BTreeSet<String>,
    /// It was pulled as an earlier study, and nobody sent it.
    pub is_prior: bool,
    pub came_by: RoutingWay,
}

/// What a series says; empty where it says nothing.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct SeriesFacts {
    pub modality: String,
    pub body_part: String,
    pub description: String,
    pub station: String,
}

/// Counts what is known and tells none of it.
impl std::fmt::Debug for StudyFacts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("StudyFacts")
            .field("series", &self.series.len())
            .finish_non_exhaustive()
    }
}

impl StudyFacts {
    /// Adds what an instance says.
    pub(super) fn add(&mut self, instance: &Attributes) {
        let first = |tag| texts(instance, tag).next().unwrap_or_default();
        let series = SeriesFacts {
            modality: first(MODALITY),
            body_part: first(BODY_PART),
            description: first(SERIES_DESCRIPTION),
            station: first(STATION),
        };
        if self.series.len() < MOST_SERIES {
            self.series.insert(series);
        }
        self.study_description.extend(texts(instance, STUDY_DESCRIPTION));
        self.institution.extend(texts(instance, INSTITUTION));
        self.requested_priority
            .extend(texts(instance, REQUESTED_PRIORITY));
    }

    /// Adds what was known of the study before.
    pub(crate) fn extend(&mut self, earlier: Self) {
        self.series.extend(earlier.series);
        self.study_description.extend(earlier.study_description);
        self.institution.extend(earlier.institution);
        self.requested_priority.extend(earlier.requested_priority);
        self.calling.extend(earlier.calling);
    }
}

fn texts(attributes: &Attributes, tag: &str) -> impl Iterator<Item = String> {
    let values = attributes
        .get(tag)
        .and_then(|attribute| attribute["Value"].as_array());
    let values = values.into_iter().flatten().filter_map(Value::as_str);
    values
        .map(|text| text.trim().chars().take(LONGEST_TEXT).collect::<String>())
        .filter(|text| !text.is_empty())
}
