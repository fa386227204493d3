//! Mass-run rows: of failed analyses, and in the form that a client wants.

use actix_web::HttpResponse;
use actix_web::http::header;
use norma_database::{Analysis, Scan};
use norma_domain::{MassRunRow, Reason, ReasonCode, Summary};

use crate::http::file_name::attachment;
use crate::problem::ApiError;
use crate::rows::csv::{CSV, rows_to_csv};
use crate::rows::format::RowFormat;
use crate::rows::xlsx::{XLSX, rows_to_xlsx};

/// The row of a failed analysis: a reason, and neither probability nor pathology.
pub(crate) fn failure_row(scan: &Scan, analysis: &Analysis) -> MassRunRow {
    let started = analysis.started_at.unwrap_or(analysis.requested_at);
    let seconds = analysis
        .finished_at
        .map_or(0.0, |finished| (finished - started).as_seconds_f64().max(0.0));
    let reasons: Vec<_> = analysis.failure.iter().cloned().collect();
    MassRunRow {
        study_uid: scan.study_uid.as_ref().map(ToString::to_string),
        series_uid: scan.series_uid.as_ref().map(ToString::to_string),
        ..norma_pipeline::failure_row(&scan.file_name, seconds, &reasons)
    }
}

/// The row of a completed analysis whose report this version cannot read: a failure, whatever it says.
pub(crate) fn unreadable_row(scan: &Scan) -> MassRunRow {
    let reason = Reason::new(
        ReasonCode::Internal,
        "the report is of another version and cannot be read",
    );
    MassRunRow {
        study_uid: scan.study_uid.as_ref().map(ToString::to_string),
        series_uid: scan.series_uid.as_ref().map(ToString::to_string),
        ..norma_pipeline::failure_row(&scan.file_name, 0.0, &[reason])
    }
}

/// Whether any row says pathology; null where none says anything.
pub(crate) fn summary_of(rows: &[MassRunRow]) -> Summary {
    let mut answers = rows.iter().filter_map(|row| row.pathology).peekable();
    let has_any_answer = answers.peek().is_some();
    Summary {
        has_pathology_any: has_any_answer.then(|| answers.any(|pathology| pathology == 1)),
    }
}

/// Rows as CSV or XLSX, as a file to be kept; as JSON the bare list.
pub(crate) fn rows_answer(rows: &[MassRunRow], format: RowFormat) -> Result<HttpResponse, ApiError> {
    let (media_type, name, bytes) = match format {
        RowFormat::Json => return Ok(HttpResponse::Ok().json(rows)),
        RowFormat::Csv => (CSV, "norma.csv", rows_to_csv(rows).map_err(ApiError::internal)?),
        RowFormat::Xlsx => (
            XLSX,
            "norma.xlsx",
            rows_to_xlsx(rows).map_err(ApiError::internal)?,
        ),
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header(attachment(name))
        .body(bytes))
}
