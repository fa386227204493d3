//! The parameters of a search (PS3.18 section 8.3.4).

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use norma_database::DicomStudyQuery;
use norma_dicom_instances::attribute_tag;

use crate::dicomweb::matching::{ranges, text_matches, uids};
use crate::dicomweb::parameters::{SearchParameters, invalid};
use crate::identity::Access;
use crate::problem::ApiError;

const STUDY_INSTANCE_UID: &str = "0020000D";
pub(super) const MODALITIES_IN_STUDY: &str = "00080061";
/// Attributes of a study that a search is matched by in the database.
const OF_STUDY: [&str; 9] = [
    STUDY_INSTANCE_UID,
    "00080020",
    "00080030",
    "00080050",
    MODALITIES_IN_STUDY,
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
    /// What of it is not done.
    pub(super) unsupported: Vec<&'static str>,
}

impl Search {
    /// # Errors
    /// Where a parameter is none, or an attribute is not matched by: its results would be taken for matches.
    pub(super) fn of(request: &HttpRequest, level: Level) -> Result<Self, ApiError> {
        let parameters = SearchParameters::of(request.query_string())?;
        let mut search = Self {
            limit: parameters.limit,
            offset: parameters.offset,
            matches: Vec::new(),
            include: BTreeSet::new(),
            includes_all: false,
            unsupported: parameters.unsupported().collect(),
        };
        for field in parameters.include {
            if field == "all" {
                search.includes_all = true;
                continue;
            }
            // A path into sequences includes the sequence.
            let tag = attribute_tag(field.split('.').next().unwrap_or_default());
            let tag = tag.ok_or_else(|| invalid("includefield", "all, or attributes by keyword or tag"))?;
            search.include.insert(tag);
        }
        for (name, value) in parameters.matches {
            let tag = attribute_tag(&name).filter(|tag| level.is_matched_by(tag));
            let tag = tag
                .ok_or_else(|| invalid("query", "a search is not matched by one of these attributes here"))?;
            search.matches.push((tag, value));
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
                "00080020" => query.study_date = ranges("DA", value),
                "00080030" => query.study_time = ranges("TM", value),
                "00080050" => query.accession_number = text_matches("SH", value),
                MODALITIES_IN_STUDY => query.modalities = text_matches("CS", value),
                "00080090" => query.referring_physician = text_matches("PN", value),
                "00100010" => query.patient_name = text_matches("PN", value),
                "00100020" => query.patient_id = text_matches("LO", value),
                _ => query.study_id = text_matches("SH", value),
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
