//! Mass-run rows as a spreadsheet (Office Open XML).

use norma_domain::{MASS_RUN_COLUMNS, MassRunRow, Probability, ProcessingStatus};
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use crate::rows::table::{for_a_table, without_formula};

/// Media type of the answer.
pub(crate) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// One sheet: a header and one line per row; numbers are numbers, and a cell is empty where there is no value.
pub fn rows_to_xlsx(rows: &[MassRunRow]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet().set_name("Norma")?;
    let bold = Format::new().set_bold();
    for (column, name) in (0..).zip(MASS_RUN_COLUMNS) {
        sheet.write_string_with_format(0, column, name, &bold)?;
        sheet.set_column_width(column, width_of(name))?;
    }
    sheet.set_freeze_panes(1, 0)?;
    for (line, row) in (1..).zip(rows) {
        write_row(sheet, line, &for_a_table(row))?;
    }
    workbook.save_to_buffer()
}

fn width_of(column: &str) -> f64 {
    match column {
        "path_to_study" | "study_uid" | "series_uid" | "reason" => 40.0,
        "most_dangerous_pathology_type" | "probability_of_pathology" => 26.0,
        "processing_status" | "time_of_processing" => 18.0,
        _ => 10.0,
    }
}

fn write_row(sheet: &mut Worksheet, line: u32, row: &MassRunRow) -> Result<(), XlsxError> {
    let mut cells = Cells {
        sheet,
        line,
        column: 0,
    };
    cells.text(Some(&row.path_to_study))?;
    cells.text(row.study_uid.as_deref())?;
    cells.text(row.series_uid.as_deref())?;
    cells.number(row.probability_of_pathology.map(Probability::value))?;
    cells.number(row.pathology.map(f64::from))?;
    cells.text(Some(match row.processing_status {
        ProcessingStatus::Success => "Success",
        ProcessingStatus::Failure => "Failure",
    }))?;
    cells.number(Some(row.time_of_processing))?;
    cells.text(row.most_dangerous_pathology_type.as_deref())?;
    for bound in [row.x_min, row.x_max, row.y_min, row.y_max, row.z_min, row.z_max] {
        // A voxel index is far below 2^53.
        cells.number(bound.map(|voxel| voxel as f64))?;
    }
    cells.text(row.reason.as_deref())?;
    cells.number(row.slice_count.map(|count| count as f64))?;
    for image in [row.image_first, row.image_last] {
        // An Instance Number has twelve digits at most (PS3.5 table 6.2-1, IS).
        cells.number(image.map(|number| number as f64))?;
    }
    cells.number(row.table_position_first_mm)?;
    cells.number(row.table_position_last_mm)
}

/// Writes one cell after the other.
struct Cells<'sheet> {
    sheet: &'sheet mut Worksheet,
    line: u32,
    column: u16,
}

impl Cells<'_> {
    fn text(&mut self, text: Option<&str>) -> Result<(), XlsxError> {
        if let Some(text) = text {
            // A text here, but no more once the table was saved as another kind.
            self.sheet
                .write_string(self.line, self.column, without_formula(text))?;
        }
        self.column += 1;
        Ok(())
    }

    fn number(&mut self, number: Option<f64>) -> Result<(), XlsxError> {
        if let Some(number) = number {
            self.sheet.write_number(self.line, self.column, number)?;
        }
        self.column += 1;
        Ok(())
    }
}
