//! Texts that people type: names and descriptions.

use crate::problem::ApiError;

/// The longest name of a person, a key or a scope.
pub(crate) const NAME_CHARACTERS: usize = 200;
/// The longest description or comment.
pub(crate) const TEXT_CHARACTERS: usize = 10_000;

/// A name, trimmed: 1 to [`NAME_CHARACTERS`] printable characters.
pub(crate) fn checked_name(field: &'static str, text: &str) -> Result<String, ApiError> {
    let trimmed = text.trim();
    let length = trimmed.chars().count();
    if length == 0 || length > NAME_CHARACTERS || trimmed.chars().any(char::is_control) {
        return Err(ApiError::InvalidField {
            field,
            detail: format!("1 to {NAME_CHARACTERS} printable characters, not blank"),
        });
    }
    Ok(trimmed.to_owned())
}

/// A description of at most [`TEXT_CHARACTERS`]; an absent one is empty.
pub(crate) fn checked_description(text: Option<String>) -> Result<String, ApiError> {
    let text = text.unwrap_or_default();
    if text.chars().count() > TEXT_CHARACTERS || text.contains('\0') {
        return Err(ApiError::InvalidField {
            field: "description",
            detail: format!("at most {TEXT_CHARACTERS} characters, none of them NUL"),
        });
    }
    Ok(text)
}

/// A text of at most so many characters; a blank one is none.
pub(crate) fn checked_text(
    field: &'static str,
    text: Option<String>,
    longest: usize,
) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.chars().count() > longest || text.contains('\0') => Err(ApiError::InvalidField {
            field,
            detail: format!("at most {longest} characters, none of them NUL"),
        }),
        other => Ok(other.filter(|text| !text.trim().is_empty())),
    }
}
