//! The parameters of a search (PS3.18 section 8.3.4).

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use actix_web::web::Query;
use norma_database::{DicomStudyQuery, TextMatch};
use norma_dicom_instances::attribute_tag;

use crate::dicomweb::matching::{range, text_match, uids};
use crate::identity::Access;
use crate::problem::ApiError;

/// Results where the client does not say how many, and at most.
const DEFAULT_LIMIT: u32 = 200;
const MAX_LIMIT: u32 = 1000;
const LONGEST_VALUE: usize = 1000;

const STUDY_INSTANCE_UID: &str = "0020000D";
/// Attributes of a study that a search is matched by in the database.
const OF_STUDY: [&str; 9] = [
    STUDY_INSTANCE_UID,
    "00080020",
    "00080030",
    "00080050",
    "00080061",
    "00080090",
    "00100010",
    "00100020",
    "00200010",
];
/// Attributes of series and instances that a search is matched by.
const OF_SERIES: [&str; 8] = [
    "00080060", "0008103E", "0020000E", "00200011", "00400244", "00400245", "00180015", "00080021",
];
const OF_INSTANCE: [&str; 5] = ["00080016", "00080018", "00200013", "00280010", "00280011"];

/// What is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Study,
    Series,
    Instance,
}

/// A search.
pub(super) struct Search {
    pub(super) limit: u32,
    pub(super) offset: u32,
    /// Tag and value.
    matches: Vec<(String, String)>,
    /// Attributes that are wanted beside the usual ones, by tag.
    pub(super) include: BTreeSet<String>,
    pub(super) includes_all: bool,
    pub(super) is_fuzzy: bool,
}

impl Search {
    /// # Errors
    /// Where a parameter is none, or an attribute is not matched by: its results would be taken for matches.
    pub(super) fn of(request: &HttpRequest, level: Level) -> Result<Self, ApiError> {
        let invalid = |parameter: &str, detail: &str| ApiError::InvalidParameter {
            parameter: parameter.to_owned(),
            detail: detail.to_owned(),
        };
        let pairs = Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map_err(|_| invalid("query", "it cannot be read"))?
            .into_inner();
        let mut search = Self {
            limit: DEFAULT_LIMIT,
            offset: 0,
            matches: Vec::new(),
            include: BTreeSet::new(),
            includes_all: false,
            is_fuzzy: false,
        };
        for (name, value) in pairs {
            if value.len() > LONGEST_VALUE || value.contains('\0') {
                return Err(invalid("query", "a value is too long, or no text"));
            }
            match name.as_str() {
                "accept" => {}
                "limit" => {
                    let limit = value.parse::<u32>().ok().filter(|limit| *limit > 0);
                    let limit = limit.ok_or_else(|| invalid("limit", "a number from 1"))?;
                    search.limit = limit.min(MAX_LIMIT);
                }
                "offset" => {
                    let offset = value
                        .parse::<u32>()
                        .ok()
                        .filter(|offset| *offset <= i32::MAX as u32);
                    search.offset = offset.ok_or_else(|| invalid("offset", "a number from 0"))?;
                }
                "fuzzymatching" => search.is_fuzzy = value == "true",
                "includefield" => {
                    for field in value.split(',').map(str::trim).filter(|field| !field.is_empty()) {
                        if field == "all" {
                            search.includes_all = true;
                        } else {
                            // A path into sequences includes the sequence.
                            let first = field.split('.').next().unwrap_or_default();
                            let tag = attribute_tag(first).ok_or_else(|| {
                                invalid("includefield", "all, or attributes by keyword or tag")
                            })?;
                            search.include.insert(tag);
                        }
                    }
                }
                name => {
                    let tag = attribute_tag(name)
                        .filter(|tag| level.is_matched_by(tag))
                        .ok_or_else(|| {
                            invalid("query", "a search is not matched by one of these attributes here")
                        })?;
                    search.matches.push((tag, value));
                }
            }
        }
        Ok(search)
    }

    /// The matches below the study, as far as they are those of this level.
    pub(super) fn matches_of(&self, level: Level) -> impl Iterator<Item = &(String, String)> {
        let wanted: &[&str] = match level {
            Level::Study => &OF_STUDY,
            Level::Series => &OF_SERIES,
            Level::Instance => &OF_INSTANCE,
        };
        self.matches
            .iter()
            .filter(|(tag, _)| wanted.contains(&tag.as_str()))
    }

    /// What the database is asked for.
    pub(super) fn study_query(&self, access: &Access) -> DicomStudyQuery {
        let mut query = DicomStudyQuery {
            owner: access.visible_owner(),
            ..DicomStudyQuery::default()
        };
        for (tag, value) in self.matches_of(Level::Study) {
            match tag.as_str() {
                STUDY_INSTANCE_UID => query.study_uids = uids(value),
                "00080020" => query.study_date = range(value),
                "00080030" => query.study_time = range(value),
                "00080050" => query.accession_number = text_match(value),
                "00080061" => query.modality = text_match(value).map(modality),
                "00080090" => query.referring_physician = text_match(value),
                "00100010" => query.patient_name = text_match(value),
                "00100020" => query.patient_id = text_match(value),
                _ => query.study_id = text_match(value),
            }
        }
        query
    }
}

impl Level {
    fn is_matched_by(self, tag: &str) -> bool {
        OF_STUDY.contains(&tag)
            || (self >= Self::Series && OF_SERIES.contains(&tag))
            || (self >= Self::Instance && OF_INSTANCE.contains(&tag))
    }
}

fn modality(wanted: TextMatch) -> String {
    match wanted {
        TextMatch::Equal(text) | TextMatch::Wildcard(text) => text,
    }
}
