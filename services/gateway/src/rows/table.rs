//! Rows as people read them in a table.

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

#[cfg(test)]
mod tests {
    use super::*;

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
