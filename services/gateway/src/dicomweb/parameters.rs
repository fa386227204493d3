//! The parameters that every search of the standard takes (PS3.18 section 8.3.4): of studies, series, instances and work items.

use actix_web::web::Query;

use crate::problem::ApiError;

/// Results where the client does not say how many, and at most.
const DEFAULT_LIMIT: u32 = 200;
const MAX_LIMIT: u32 = 1000;
const LONGEST_VALUE: usize = 1000;

pub(crate) const MORE: &str = "There are additional results that can be requested";
const NOT_FUZZY: &str =
    "The fuzzymatching parameter is not supported. Only literal matching has been performed.";
const NO_EMPTY_VALUES: &str =
    "The emptyvaluematching parameter is not supported. Only literal matching has been performed.";

/// What a search asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SearchParameters {
    /// At least 1.
    pub(crate) limit: u32,
    /// As many as a database skips.
    pub(crate) offset: u32,
    is_fuzzy: bool,
    /// What has no value can be asked for.
    matches_empty: bool,
    /// What the answer is to have beside the usual: keywords, tags, paths of them, and `all`.
    pub(crate) include: Vec<String>,
    /// Names of attributes and what is asked of each.
    pub(crate) matches: Vec<(String, String)>,
}

impl SearchParameters {
    /// # Errors
    /// Where a parameter is none.
    pub(crate) fn of(query: &str) -> Result<Self, ApiError> {
        let pairs = Query::<Vec<(String, String)>>::from_query(query)
            .map_err(|_| invalid("query", "it cannot be read"))?
            .into_inner();
        let mut parameters = Self {
            limit: DEFAULT_LIMIT,
            offset: 0,
            is_fuzzy: false,
            matches_empty: false,
            include: Vec::new(),
            matches: Vec::new(),
        };
        for (name, value) in pairs {
            match name.as_str() {
                // Lists of values are taken in any case.
                "accept" | "multiplevaluematching" => {}
                "limit" => {
                    let limit = value.parse::<u32>().ok().filter(|limit| *limit > 0);
                    let limit = limit.ok_or_else(|| invalid("limit", "a number from 1"))?;
                    parameters.limit = limit.min(MAX_LIMIT);
                }
                "offset" => {
                    let offset = value.parse::<u32>().ok();
                    let offset = offset.filter(|offset| *offset <= i32::MAX as u32);
                    parameters.offset = offset.ok_or_else(|| invalid("offset", "a number from 0"))?;
                }
                "fuzzymatching" => parameters.is_fuzzy = value.eq_ignore_ascii_case("true"),
                "emptyvaluematching" => parameters.matches_empty = value.eq_ignore_ascii_case("true"),
                "includefield" => {
                    let fields = value.split(',').map(str::trim).filter(|field| !field.is_empty());
                    parameters.include.extend(fields.map(str::to_owned));
                }
                _ => {
                    check_value(&value)?;
                    parameters.matches.push((name, value));
                }
            }
        }
        Ok(parameters)
    }

    /// What of it is not done: the client is told.
    pub(crate) fn unsupported(&self) -> impl Iterator<Item = &'static str> {
        let fuzzy = self.is_fuzzy.then_some(NOT_FUZZY);
        fuzzy
            .into_iter()
            .chain(self.matches_empty.then_some(NO_EMPTY_VALUES))
    }
}

/// # Errors
/// Where nothing can be matched by what is asked for.
pub(crate) fn check_value(value: &str) -> Result<(), ApiError> {
    if value.len() > LONGEST_VALUE || value.contains('\0') {
        return Err(invalid("query", "a value is too long, or no text"));
    }
    let is_list_of_nothing = value.trim_matches([' ', ',', '\\']).is_empty() && !value.is_empty();
    if is_list_of_nothing {
        return Err(invalid("query", "a list holds no value"));
    }
    Ok(())
}

pub(crate) fn invalid(parameter: &str, detail: &str) -> ApiError {
    ApiError::InvalidParameter {
        parameter: parameter.to_owned(),
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_or_refused() {
        let taken = SearchParameters::of(
            "limit=5000&offset=7&fuzzymatching=false&includefield=all,00080020&&PatientID=P%2C1&multiplevaluematching=true",
        )
        .unwrap();
        assert_eq!((taken.limit, taken.offset), (MAX_LIMIT, 7));
        assert_eq!(taken.include, ["all", "00080020"]);
        assert_eq!(taken.matches, [("PatientID".to_owned(), "P,1".to_owned())]);
        assert_eq!(SearchParameters::of("").unwrap().limit, DEFAULT_LIMIT);
        for refused in [
            "limit=0",
            "limit=-1",
            "limit=",
            "limit=18446744073709551615",
            "offset=-1",
            "offset=2147483648",
            "offset=1e3",
            "Modality=,",
            "Modality=%5C",
            "PatientID=%00",
        ] {
            assert!(SearchParameters::of(refused).is_err(), "{refused}");
        }
    }
}
