//! The body of a request that is a JSON object.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Json;
use actix_web::{FromRequest, HttpRequest};
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

/// A body that is read from a JSON object and from nothing else.
///
/// What serde derives for a struct takes an array as well, its fields in the order in which they are declared: `[]` would be a
/// change of nothing, and what `["a", "b"]` means would change with a declaration. No body of this interface holds a struct in a struct.
pub(crate) struct JsonObject<T>(T);

impl<T> JsonObject<T> {
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for JsonObject<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Never what it holds: passwords and names of patients are sent so.
impl<T> fmt::Debug for JsonObject<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JsonObject([redacted])")
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for JsonObject<T> {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        // Its limit and its refusals are those of `json_config`.
        let body = Json::<FromObject<T>>::from_request(request, payload);
        Box::pin(async move { Ok(Self(body.await?.into_inner().0)) })
    }
}

struct FromObject<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for FromObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(ObjectOnly(deserializer)).map(Self)
    }
}

/// Asks for an object whatever the type would take.
struct ObjectOnly<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for ObjectOnly<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Change {
        first: Option<String>,
        second: Vec<u8>,
    }

    #[test]
    fn an_object_is_read_and_nothing_else_is() {
        let read = |json: &str| {
            serde_json::from_str::<FromObject<Change>>(json)
                .map(|body| body.0)
                .ok()
        };
        assert_eq!(read("{}"), Some(Change::default()));
        let change = Change {
            first: Some("a".to_owned()),
            second: vec![1, 2],
        };
        assert_eq!(
            read(r#"{"second": [1, 2], "first": "a", "other": {}}"#),
            Some(change)
        );
        for other in ["[]", r#"["a", [1, 2]]"#, "null", "1", "\"\"", "true", "[{}]"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
