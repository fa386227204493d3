//! Rows as people read them in a table.

use std::borrow::Cow;

use norma_domain::MassRunRow;

/// The row with its box counted as a viewer counts: from 1, and slices from the head.
pub(crate) fn for_a_table(row: &MassRunRow) -> MassRunRow {
    let counted = |index: Option<usize>| index.map(|index| index + 1);
    let (z_min, z_max) = match row.slice_count {
        Some(count) => {
            let from_head = |index: Option<usize>| count.checked_sub(index?);
            (from_head(row.z_max), from_head(row.z_min))
        }
        None => (counted(row.z_min), counted(row.z_max)),
    };
    MassRunRow {
        x_min: counted(row.x_min),
        x_max: counted(row.x_max),
        y_min: counted(row.y_min),
        y_max: counted(row.y_max),
        z_min,
        z_max,
        ..row.clone()
    }
}

/// Spreadsheet programs run a cell that begins like a formula, also in the wide letters of East Asian keyboards, or after
/// blanks; a name from an upload must not.
pub(crate) fn without_formula(text: &str) -> Cow<'_, str> {
    let begins_formula = |first: char| {
        matches!(
            first,
            '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '−' | '|' | '%'
        )
    };
    // Blanks, controls and what is not seen at all are passed over, as some programs do.
    let unseen = |character: char| {
        character.is_whitespace()
            || character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{feff}')
    };
    if text.starts_with(['\t', '\r', '\n']) || text.trim_start_matches(unseen).starts_with(begins_formula) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_table_is_a_formula() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "\t=1",
            "  =1",
            "\u{200b}=1",
            "\n1",
        ] {
            assert_eq!(without_formula(text), format!("'{text}"), "{text}");
        }
        for text in ["study.zip", "1.2.840.1", "a=b", "исследование", ""] {
            assert_eq!(without_formula(text), text);
        }
    }

    #[test]
    fn a_box_is_counted_from_one_and_its_slices_from_the_head() {
        let row = MassRunRow {
            x_min: Some(0),
            x_max: Some(9),
            z_min: Some(0),
            z_max: Some(4),
            slice_count: Some(60),
            ..norma_pipeline::failure_row("a", 0.0, &[])
        };
        let table = for_a_table(&row);
        assert_eq!((table.x_min, table.x_max, table.y_min), (Some(1), Some(10), None));
        assert_eq!(
            (table.z_min, table.z_max),
            (Some(56), Some(60)),
            "the lowest slice is the last"
        );
        let unknown = MassRunRow {
            slice_count: None,
            ..row
        };
        assert_eq!(for_a_table(&unknown).z_max, Some(5));
    }
}
