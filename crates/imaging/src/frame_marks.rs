//! What may tell the images of one series apart into volumes: breaths, phases of contrast, energies, points in time.

use crate::element_values::Values;

/// A value as it stands in the file, without padding. Marks are compared, never shown.
type Mark = Option<Box<[u8]>>;

/// Attributes that differ between volumes which share a series. Each kind by itself divides a series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FrameMarks {
    values: [Mark; KINDS],
    /// Dimension Index Values (0020,9157), each index by itself.
    pub(crate) dimensions: Vec<u32>,
    /// (0020,0013).
    pub(crate) instance_number: Option<i64>,
}

const KINDS: usize = 16;

/// Tags of the marks, and whether the attribute says of itself that images belong to different volumes: such marks
/// are believed where no two images share a place as well.
const TAGS: [(u32, bool); KINDS] = [
    (0x0020_9128, true),  // Temporal Position Index
    (0x0020_0100, true),  // Temporal Position Identifier
    (0x0020_930D, true),  // Temporal Position Time Offset
    (0x0020_9241, true),  // Nominal Percentage of Cardiac Phase
    (0x0018_1060, true),  // Trigger Time
    (0x0020_0012, true),  // Acquisition Number, and Frame Acquisition Number
    (0x0008_002A, true),  // Acquisition DateTime, and Frame Acquisition DateTime
    (0x0008_0032, true),  // Acquisition Time
    (0x0018_0060, true),  // KVP
    (0x0020_0011, true),  // Series Number
    (0x0008_103E, true),  // Series Description
    (0x0008_0033, false), // Content Time
    (0x0008_0008, false), // Image Type
    (0x0018_9151, false), // Frame Reference DateTime
    (0x0020_0052, true),  // Frame of Reference UID
    (0x0008_0022, true),  // Acquisition Date
];

impl FrameMarks {
    pub(crate) const COUNT: usize = KINDS;

    /// Acquisition DateTime and Acquisition Time.
    pub(crate) const ACQUISITION_TIMES: [usize; 2] = [6, 7];

    pub(crate) const ACQUISITION_DATE: usize = 15;

    pub(crate) const FRAME_OF_REFERENCE: usize = 14;

    /// Series Number and Series Description.
    pub(crate) const OF_SERIES: [usize; 2] = [9, 10];

    /// Acquisition Number and KVP.
    pub(crate) const OF_ACQUISITION: [usize; 2] = [5, 8];

    /// Acquisition DateTime, Acquisition Time and Content Time: what orders images in time.
    pub(crate) const TIMES: [usize; 3] = [6, 7, 11];

    /// The marks of a single image, or those that all frames of an object share.
    pub(crate) fn of_instance(values: &Values<'_>) -> Self {
        Self {
            values: TAGS.map(|(tag, _)| values.mark(tag)),
            dimensions: Vec::new(),
            instance_number: values.integer(0x0020_0013),
        }
    }

    /// The marks in a frame's functional groups, over those of its object.
    pub(crate) fn overlay(mut self, group: &Values<'_>) -> Self {
        let mut put = |kind: usize, mark: Mark| {
            if mark.is_some() {
                self.values[kind] = mark;
            }
        };
        if let Some(content) = group.group(0x0020_9111) {
            put(0, content.mark(0x0020_9128));
            put(5, content.mark(0x0020_9156));
            put(6, content.mark(0x0018_9074));
            put(13, content.mark(0x0018_9151));
            let dimensions = content.longs(0x0020_9157);
            if !dimensions.is_empty() {
                self.dimensions = dimensions;
            }
        }
        let mut put = |kind: usize, mark: Mark| {
            if mark.is_some() {
                self.values[kind] = mark;
            }
        };
        if let Some(position) = group.group(0x0020_9310) {
            put(2, position.mark(0x0020_930D));
        }
        if let Some(cardiac) = group.group(0x0018_9118) {
            put(3, cardiac.mark(0x0020_9241));
        }
        self
    }

    pub(crate) fn value(&self, kind: usize) -> Option<&[u8]> {
        self.values[kind].as_deref()
    }

    pub(crate) fn is_strong(kind: usize) -> bool {
        TAGS[kind].1
    }
}
