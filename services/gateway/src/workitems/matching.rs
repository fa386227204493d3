//! Which work items a search or a filtered subscription is about (PS3.18 section 11.9, PS3.4 section C.2.2.2).

use actix_web::web;
use norma_database::{Workitem, WorkitemState};
use norma_dicom_instances::{Attributes, attribute_tag};

use super::attributes::{STATE, items};
use crate::dicomweb::{SearchParameters, check_value, invalid, is_match};
use crate::problem::ApiError;

/// Sequences within sequences.
const DEEPEST: usize = 4;

/// Attributes, some of them in sequences, and what is asked of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter(Vec<(Vec<String>, String)>);

/// What a search asks for beside its filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) filter: Filter,
    /// A work item is answered as a whole, whatever is to be included.
    pub(super) parameters: SearchParameters,
}

impl Filter {
    /// A path of keywords or tags, with points between a sequence and what is in it.
    fn add(&mut self, name: &str, value: &str) -> Result<(), ApiError> {
        let path: Option<Vec<String>> = name.split('.').map(attribute_tag).collect();
        let path = path.filter(|path| path.len() <= DEEPEST);
        let path = path.ok_or_else(|| invalid("query", "attributes are named by keywords or tags"))?;
        check_value(value)?;
        self.0.push((path, value.to_owned()));
        Ok(())
    }

    /// Of a filtered subscription: `name=value`, with `,` or `&` between several.
    pub(super) fn of_text(text: &str) -> Result<Self, ApiError> {
        let mut filter = Self::default();
        for part in text.split([',', '&']).filter(|part| !part.trim().is_empty()) {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| invalid("filter", "attributes and values, name=value"))?;
            filter.add(name.trim(), value.trim())?;
        }
        if filter.0.is_empty() {
            return Err(invalid("filter", "it names no attribute"));
        }
        Ok(filter)
    }

    /// Those of these that are asked for, looked at beside the threads that answer requests.
    pub(super) async fn of(&self, workitems: Vec<Workitem>) -> Result<Vec<Workitem>, ApiError> {
        let filter = self.clone();
        let matching = web::block(move || {
            let of_filter = |workitem: &Workitem| filter.matches(&workitem.attributes);
            workitems.into_iter().filter(of_filter).collect()
        });
        matching.await.map_err(ApiError::internal)
    }

    pub(super) fn matches(&self, attributes: &Attributes) -> bool {
        self.0
            .iter()
            .all(|(path, wanted)| is_path_match(attributes, path, wanted))
    }

    /// The one state that is asked for.
    pub(super) fn state(&self) -> Option<WorkitemState> {
        let of_state = self
            .0
            .iter()
            .find(|(path, _)| path.len() == 1 && path[0] == STATE)?;
        WorkitemState::parse(&of_state.1)
    }
}

fn is_path_match(attributes: &Attributes, path: &[String], wanted: &str) -> bool {
    match path {
        [] => true,
        [tag] => is_match(attributes, tag, wanted),
        [sequence, inner @ ..] => {
            let items = items(attributes, sequence);
            // What anything matches, no item matches too.
            (items.is_empty() && (wanted.is_empty() || wanted == "*"))
                || items.into_iter().any(|item| {
                    let item: Attributes = item.clone().into_iter().collect();
                    is_path_match(&item, inner, wanted)
                })
        }
    }
}

impl Wanted {
    pub(super) fn of(query: &str) -> Result<Self, ApiError> {
        let parameters = SearchParameters::of(query)?;
        let mut filter = Filter::default();
        for (name, value) in &parameters.matches {
            filter.add(name, value)?;
        }
        Ok(Self { filter, parameters })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attributes_in_sequences_are_matched_too() {
        let attributes: Attributes = serde_json::from_value(json!({
            "00741000": {"vr": "CS", "Value": ["SCHEDULED"]},
            "00741204": {"vr": "LO", "Value": ["Chest CT triage"]},
            "00404005": {"vr": "DT", "Value": ["20261128093000"]},
            "00404025": {"vr": "SQ", "Value": [
                {"00080100": {"vr": "SH", "Value": ["OTHER"]}},
                {"00080100": {"vr": "SH", "Value": ["NORMA"]}},
            ]},
        }))
        .unwrap();
        for (query, expected) in [
            ("", true),
            ("ProcedureStepState=SCHEDULED", true),
            ("00741000=COMPLETED", false),
            ("ProcedureStepLabel=Chest*", true),
            ("ScheduledStationNameCodeSequence.CodeValue=NORMA", true),
            ("00404025.00080100=NOBODY", false),
            ("ScheduledWorkitemCodeSequence.CodeValue=*", true),
            ("ScheduledWorkitemCodeSequence.CodeValue=x", false),
            ("ScheduledProcedureStepStartDateTime=20261128-20261129", true),
            ("ScheduledProcedureStepStartDateTime=20261129-", false),
        ] {
            let wanted = Wanted::of(query).unwrap();
            assert_eq!(wanted.filter.matches(&attributes), expected, "{query}");
        }
        let state = Wanted::of("ProcedureStepState=IN%20PROGRESS")
            .unwrap()
            .filter
            .state();
        assert_eq!(state, Some(WorkitemState::InProgress));
        for query in ["NoSuchKeyword=1", "a.b.c.d.e=1", "limit=none"] {
            assert!(Wanted::of(query).is_err(), "{query}");
        }
        assert!(
            Filter::of_text("ProcedureStepLabel=Chest*,00741000=SCHEDULED")
                .unwrap()
                .matches(&attributes)
        );
        assert!(Filter::of_text("").is_err() && Filter::of_text("x").is_err());
    }
}
