use crate::DatabaseError;

/// PostgreSQL refuses U+0000 in a text with a query error, SQLite takes it: refused for both.
pub(crate) fn refuse_nul(field: &'static str, text: &str) -> Result<(), DatabaseError> {
    if text.contains('\0') {
        return Err(DatabaseError::NulInText { field });
    }
    Ok(())
}
