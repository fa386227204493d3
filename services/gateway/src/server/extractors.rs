//! How bodies, paths and queries that cannot be read are refused.

use actix_web::ResponseError;
use actix_web::error::{InternalError, JsonPayloadError};
use actix_web::web::{JsonConfig, PathConfig, QueryConfig};

use crate::problem::ApiError;

pub(crate) fn json_config(limit_bytes: usize) -> JsonConfig {
    JsonConfig::default()
        .limit(limit_bytes)
        .error_handler(move |error, _| {
            let refusal = match &error {
                JsonPayloadError::ContentType => {
                    ApiError::UnsupportedMediaType("the body is application/json")
                }
                JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
                    ApiError::BodyTooLarge {
                        limit_bytes: limit_bytes as u64,
                    }
                }
                // Serde's message may repeat what was sent: it tells only where.
                JsonPayloadError::Deserialize(error) => ApiError::InvalidBody(format!(
                    "not the JSON that is expected here: line {}, column {}",
                    error.line(),
                    error.column()
                )),
                _ => ApiError::InvalidBody("the body cannot be read".to_owned()),
            };
            refusal.into()
        })
}

pub(crate) fn path_config() -> PathConfig {
    PathConfig::default().error_handler(|_, _| {
        ApiError::InvalidParameter {
            parameter: "path".to_owned(),
            detail: "a part of the path is not of its kind: identifiers are UUIDs, slices are numbers from 0"
                .to_owned(),
        }
        .into()
    })
}

pub(crate) fn query_config() -> QueryConfig {
    QueryConfig::default().error_handler(|_, _| {
        let detail = "a query parameter is not of its kind, or outside of its range; /docs tells the kinds";
        let refusal = ApiError::InvalidParameter {
            parameter: "query".to_owned(),
            detail: detail.to_owned(),
        };
        let response = refusal.error_response();
        InternalError::from_response(refusal, response).into()
    })
}
