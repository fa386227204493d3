use norma_domain::{Role, Roles};

use crate::DatabaseError;

/// PostgreSQL refuses U+0000 in a text with a query error, SQLite takes it: refused for both.
pub(crate) fn refuse_nul(field: &'static str, text: &str) -> Result<(), DatabaseError> {
    if text.contains('\0') {
        return Err(DatabaseError::NulInText { field });
    }
    Ok(())
}

/// The roles that this version knows: what a newer one calls a role gives nothing here, and breaks no page of rows.
pub(crate) fn known_roles(text: &str) -> Roles {
    text.split_whitespace()
        .filter_map(|role| role.parse::<Role>().ok())
        .collect()
}
