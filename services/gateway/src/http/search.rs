//! What a client searches for, and between which times.

use chrono::{DateTime, Datelike, Utc};

use crate::problem::ApiError;

const LONGEST_SEARCH: usize = 200;

/// The search text; refused where it is too long or holds U+0000, which no name does.
pub(crate) fn checked_search(search: Option<String>) -> Result<Option<String>, ApiError> {
    checked_text("search", search)
}

/// A text that is searched for; refused as a search text is.
pub(crate) fn checked_text(parameter: &str, search: Option<String>) -> Result<Option<String>, ApiError> {
    match &search {
        Some(text) if text.chars().count() > LONGEST_SEARCH || text.contains('\0') => {
            Err(ApiError::InvalidParameter {
                parameter: parameter.to_owned(),
                detail: format!("at most {LONGEST_SEARCH} characters, none of them NUL"),
            })
        }
        _ => Ok(search),
    }
}

/// A time of the years that every database knows.
pub(crate) fn checked_time(
    parameter: &str,
    time: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, ApiError> {
    match time {
        Some(time) if !(1..=9999).contains(&time.year()) => Err(ApiError::InvalidParameter {
            parameter: parameter.to_owned(),
            detail: "a time of the years 1 to 9999".to_owned(),
        }),
        _ => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_database_takes_is_refused_before() {
        assert!(checked_search(Some("a".repeat(200))).is_ok());
        assert!(checked_search(Some("a".repeat(201))).is_err());
        assert!(checked_search(Some("a\0".to_owned())).is_err());
        assert!(checked_time("from", Some(DateTime::<Utc>::MAX_UTC)).is_err());
        assert!(checked_time("from", Some(Utc::now())).is_ok());
    }
}
