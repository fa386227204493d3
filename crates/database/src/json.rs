//! Documents in JSON columns.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::DatabaseError;

/// Writes a document and makes sure that it can be read again: JSON has no NaN, and serde writes `null` in its
/// place, which no number can be read from.
pub(crate) fn encode<T: Serialize + DeserializeOwned>(
    document: &T,
    name: &'static str,
) -> Result<Value, DatabaseError> {
    let value = serde_json::to_value(document).map_err(|_| DatabaseError::NotStorable(name))?;
    T::deserialize(&value).map_err(|_| DatabaseError::NotStorable(name))?;
    Ok(value)
}

pub(crate) fn decode<T: DeserializeOwned>(
    value: Value,
    table: &'static str,
    column: &'static str,
) -> Result<T, DatabaseError> {
    // The parser's message may quote the document, so it is left out.
    serde_json::from_value(value).map_err(|_| DatabaseError::CorruptRow { table, column })
}
