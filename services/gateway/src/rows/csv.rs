//! Mass-run rows as CSV (RFC 4180), in the columns of the reference service.

use norma_domain::{MASS_RUN_COLUMNS, MassRunRow};

use crate::rows::table::{for_a_table, without_formula};

/// Media type of the answer.
pub(crate) const CSV: &str = "text/csv; charset=utf-8";

/// A header and one line per row. Empty cells where a row has no value: a failure has neither probability nor
/// pathology.
pub fn rows_to_csv(rows: &[MassRunRow]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    writer.write_record(MASS_RUN_COLUMNS)?;
    for row in rows {
        let row = for_a_table(row);
        // In the order of MASS_RUN_COLUMNS; what a row says beyond them is for JSON.
        writer.serialize((
            without_formula(&row.path_to_study),
            row.study_uid.as_deref().map(without_formula),
            row.series_uid.as_deref().map(without_formula),
            row.probability_of_pathology,
            row.pathology,
            row.processing_status,
            row.time_of_processing,
            row.most_dangerous_pathology_type.as_deref().map(without_formula),
            (row.x_min, row.x_max, row.y_min, row.y_max, row.z_min, row.z_max),
            row.reason.as_deref().map(without_formula),
            (
                row.slice_count,
                row.image_first,
                row.image_last,
                row.table_position_first_mm,
                row.table_position_last_mm,
            ),
        ))?;
    }
    writer
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))
}
