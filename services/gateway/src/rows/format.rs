//! What form of rows a client wants.

use actix_web::HttpRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::media_range::{MediaRange, liked_best};
use crate::problem::ApiError;
use crate::rows::xlsx::XLSX;

const JSON: &str = "application/json";
const CSV: &str = "text/csv";

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
        // A browser shows what a program reads.
        let had = [JSON, CSV, XLSX, "text/html"];
        let liked = liked_best(&MediaRange::accepted(request), &had, |range, media_type| {
            range.names(media_type)
        });
        let format = liked.map(|media_type| match media_type {
            CSV => Self::Csv,
            XLSX => Self::Xlsx,
            _ => Self::Json,
        });
        format.ok_or(ApiError::NotAcceptable("application/json, text/csv, xlsx"))
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
        assert_eq!(accept("text/*").unwrap(), RowFormat::Csv);
        assert_eq!(accept("application/json;q=0, */*").unwrap(), RowFormat::Csv);
        assert_eq!(accept("*/*;q=0.1, text/html").unwrap(), RowFormat::Json);
        assert!(accept("image/png").is_err());
        assert!(accept("*/*;q=0").is_err());
        let request = TestRequest::default().to_http_request();
        assert_eq!(RowFormat::choose(&request, None).unwrap(), RowFormat::Json);
        assert_eq!(
            RowFormat::choose(&request, Some(RowFormat::Xlsx)).unwrap(),
            RowFormat::Xlsx
        );
    }
}
