//! What form of rows a client wants.

use actix_web::HttpRequest;
use actix_web::http::header::{self, Accept, Header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::ApiError;
use crate::rows::xlsx::XLSX;

/// The forms in which rows can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RowFormat {
    Json,
    Csv,
    Xlsx,
}

impl RowFormat {
    /// The form named by the `format` parameter, else the one that `Accept` prefers, else JSON.
    pub(crate) fn choose(request: &HttpRequest, parameter: Option<Self>) -> Result<Self, ApiError> {
        if let Some(format) = parameter {
            return Ok(format);
        }
        if !request.headers().contains_key(header::ACCEPT) {
            return Ok(Self::Json);
        }
        let Ok(accept) = Accept::parse(request) else {
            return Ok(Self::Json);
        };
        accept
            .ranked()
            .into_iter()
            .find_map(|media| match media.essence_str() {
                "*/*" | "application/*" | "application/json" | "text/html" => Some(Self::Json),
                "text/csv" | "text/*" => Some(Self::Csv),
                XLSX => Some(Self::Xlsx),
                _ => None,
            })
            .ok_or(ApiError::NotAcceptable("application/json, text/csv, xlsx"))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn accept(value: &str) -> Result<RowFormat, ApiError> {
        RowFormat::choose(
            &TestRequest::default()
                .insert_header(("accept", value))
                .to_http_request(),
            None,
        )
    }

    #[test]
    fn the_preferred_form() {
        assert_eq!(accept("*/*").unwrap(), RowFormat::Json);
        assert_eq!(accept("text/csv").unwrap(), RowFormat::Csv);
        assert_eq!(
            accept("application/json;q=0.1, text/csv").unwrap(),
            RowFormat::Csv
        );
        assert_eq!(accept(XLSX).unwrap(), RowFormat::Xlsx);
        assert!(accept("image/png").is_err());
        let request = TestRequest::default().to_http_request();
        assert_eq!(RowFormat::choose(&request, None).unwrap(), RowFormat::Json);
        assert_eq!(
            RowFormat::choose(&request, Some(RowFormat::Xlsx)).unwrap(),
            RowFormat::Xlsx
        );
    }
}
