//! Texts that people type: names and descriptions.

use crate::problem::ApiError;

/// A name, trimmed: 1 to 200 printable characters.
pub(crate) fn checked_name(field: &'static str, text: &str) -> Result<String, ApiError> {
    let trimmed = text.trim();
    let length = trimmed.chars().count();
    if length == 0 || length > 200 || trimmed.chars().any(char::is_control) {
        return Err(ApiError::InvalidField {
            field,
            detail: "1 to 200 printable characters, not blank".to_owned(),
        });
    }
    Ok(trimmed.to_owned())
}

/// A description of at most 10,000 characters; an absent one is empty.
pub(crate) fn checked_description(text: Option<String>) -> Result<String, ApiError> {
    let text = text.unwrap_or_default();
    if text.chars().count() > 10_000 || text.contains('\0') {
        return Err(ApiError::InvalidField {
            field: "description",
            detail: "at most 10000 characters, none of them NUL".to_owned(),
        });
    }
    Ok(text)
}
