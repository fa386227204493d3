//! The basic profile's column of PS3.15 table E.1-1.

use std::collections::HashMap;
use std::sync::LazyLock;

use dicom_core::Tag;

/// What is done to an attribute (PS3.15 table E.1-1a).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// D: replaced by a value that means nothing.
    Dummy,
    /// Z: emptied.
    Empty,
    /// X: removed.
    Remove,
    /// U: replaced by another UID, the same for the same.
    ReplaceUid,
    /// X/Z/U*: a sequence that stays, with the UIDs in it replaced.
    KeepSequence,
}

impl Action {
    /// Of several allowed ones the action that keeps an object valid whatever its class demands.
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "D" | "Z/D" | "X/D" | "X/Z/D" => Self::Dummy,
            "Z" | "X/Z" => Self::Empty,
            "X" => Self::Remove,
            "U" => Self::ReplaceUid,
            "X/Z/U*" => Self::KeepSequence,
            _ => return None,
        })
    }
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct TableRow {
    /// The lowest tag of those that the row stands for.
    pub tag: Tag,
    pub action: Action,
    /// The action as the table writes it.
    pub code: &'static str,
    pub name: &'static str,
}

const TEXT: &str = include_str!("basic_profile.tsv");

/// Every row.
pub fn basic_profile() -> &'static [TableRow] {
    static ROWS: LazyLock<Vec<TableRow>> = LazyLock::new(|| TEXT.lines().filter_map(read_row).collect());
    &ROWS
}

fn read_row(line: &'static str) -> Option<TableRow> {
    let mut columns = line.split('\t');
    let (tag, code, name) = (columns.next()?, columns.next()?, columns.next()?);
    let (group, element) = tag.split_once(',')?;
    let hexadecimal = |text: &str| u16::from_str_radix(&text.replace('x', "0"), 16).ok();
    Some(TableRow {
        tag: Tag(hexadecimal(group)?, hexadecimal(element)?),
        action: Action::parse(code)?,
        code,
        name,
    })
}

/// What the table says of an attribute; None where it says nothing.
pub(crate) fn action_of(tag: Tag) -> Option<Action> {
    static BY_TAG: LazyLock<HashMap<Tag, Action>> =
        LazyLock::new(|| basic_profile().iter().map(|row| (row.tag, row.action)).collect());
    match tag.group() {
        // Curves: every attribute of the groups 5000 to 501E.
        0x5000..=0x50FF => Some(Action::Remove),
        // Overlays: planes, labels and descriptions alike may be writing. The table lists a part of them.
        0x6000..=0x60FF => Some(Action::Remove),
        _ => BY_TAG.get(&tag).copied(),
    }
}

#[cfg(test)]
mod tests {
    use dicom_dictionary_std::tags;

    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = TEXT.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(basic_profile().len(), lines);
        assert!(lines >= 650, "the table of 2026c has more than 650 rows");
    }

    #[test]
    fn the_best_known_rows() {
        for (tag, action) in [
            (tags::PATIENT_NAME, Some(Action::Empty)),
            (tags::PATIENT_BIRTH_DATE, Some(Action::Empty)),
            (tags::STUDY_INSTANCE_UID, Some(Action::ReplaceUid)),
            (tags::INSTITUTION_ADDRESS, Some(Action::Remove)),
            (tags::CONTENT_DATE, Some(Action::Dummy)),
            (tags::REFERENCED_IMAGE_SEQUENCE, Some(Action::KeepSequence)),
            (Tag(0x6002, 0x3000), Some(Action::Remove)),
            (Tag(0x5004, 0x0010), Some(Action::Remove)),
            (tags::PIXEL_SPACING, None),
            (tags::SOP_CLASS_UID, None),
        ] {
            assert_eq!(action_of(tag), action, "{tag}");
        }
    }
}
