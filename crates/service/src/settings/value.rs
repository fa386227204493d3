//! How values are read that come from a file in one form and from the environment in another.

use norma_domain::{Role, Roles};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde::de::{Error as _, IntoDeserializer};

/// None for null and for an empty text, which is how the environment says null. Unlike a plain `Option`, the field
/// must be there.
pub(super) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    match Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => T::deserialize(text.into_deserializer())
            .map(Some)
            .map_err(|error: serde::de::value::Error| D::Error::custom(error)),
    }
}

/// A list, or one text with commas; each item as its type is written.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    comma_separated(deserializer)?
        .into_iter()
        .map(|item| T::deserialize(item.into_deserializer()))
        .collect::<Result<_, serde::de::value::Error>>()
        .map_err(D::Error::custom)
}

/// A list of roles.
pub(super) fn roles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Roles, D::Error> {
    Ok(list::<D, Role>(deserializer)?.into_iter().collect())
}

/// A list, or one text with commas.
pub(super) fn comma_separated<'de, D>(deserializer: D) -> Result<Vec<String>, D::Error>
where
    D: Deserializer<'de>,
{
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Either {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::List(items) => items,
        Either::Text(text) => text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}
