//! A slice with what lies in it in boxes, and the words for them below the picture, where they hide nothing.

use embedded_graphics::pixelcolor::Rgb888;
use ndarray::ArrayRef2;
use norma_domain::{Report, SliceReference, WindowLevel};

use super::canvas::{Canvas, GREY, LINE_HEIGHT, ORANGE, WHITE, YELLOW};
use crate::region::Region;
use crate::wording::Language;

/// A picture is enlarged by whole pixels to at least this width, so that its legend has room.
const LEAST_COLUMNS: usize = 640;
const MARGIN: usize = 8;
/// Lines of legend at most.
const MOST_LINES: usize = 8;

/// A slice to be drawn.
pub(super) struct ShownSlice<'a> {
    pub(super) reference: Option<&'a SliceReference>,
    pub(super) slice: usize,
    /// Rows × columns in Hounsfield units.
    pub(super) hounsfield: &'a ArrayRef2<i16>,
    pub(super) window: WindowLevel,
    /// Those that are drawn in this slice.
    pub(super) regions: Vec<&'a Region<'a>>,
}

/// Draws the slice. The patient's right is on the left, as in the volume.
pub(super) fn draw_key_slice(shown: &ShownSlice<'_>, report: &Report, language: Language) -> Canvas {
    let (rows, columns) = shown.hounsfield.dim();
    let factor = LEAST_COLUMNS.div_ceil(columns.max(1)).max(1);
    let legend = legend(shown, report, language);
    let lines = legend.len().min(MOST_LINES) + 3;
    let height = rows * factor;
    let mut canvas = Canvas::new(height + MARGIN + lines * LINE_HEIGHT, columns * factor);
    for row in 0..height {
        for column in 0..columns * factor {
            let value = shown.hounsfield[[row / factor, column / factor]];
            let grey = shown.window.grey(f64::from(value));
            canvas.set(row, column, Rgb888::new(grey, grey, grey));
        }
    }
    for region in &shown.regions {
        let edge = |low: usize, high: usize, most: usize| {
            let low = low.min(most.saturating_sub(1));
            [low * factor, (high.min(most.saturating_sub(1)) + 1) * factor - 1]
        };
        let area = region.region;
        canvas.frame(
            edge(area.y_min, area.y_max, rows),
            edge(area.x_min, area.x_max, columns),
            2,
            ORANGE,
        );
    }
    let mut row = height + MARGIN;
    for line in legend.iter().take(MOST_LINES) {
        canvas.text(row, MARGIN, 1, WHITE, line);
        row += LINE_HEIGHT;
    }
    let sides = language.choose(
        "R on the left side of the picture",
        "Слева на снимке — правая сторона",
    );
    canvas.text(row, MARGIN, 1, GREY, sides);
    canvas.paragraph(row + LINE_HEIGHT, MARGIN, YELLOW, language.research_use());
    canvas
}

fn legend(shown: &ShownSlice<'_>, report: &Report, language: Language) -> Vec<String> {
    let mut place = format!("{} {}", language.choose("Slice", "Срез"), shown.slice + 1);
    if let Some(number) = shown.reference.and_then(|reference| reference.instance_number) {
        place += &format!(", {} {number}", language.choose("image", "снимок"));
    }
    if let Some(position) = shown.reference.and_then(|reference| reference.table_position_mm) {
        place += &format!(", {position:.1} {}", language.choose("mm", "мм"));
    }
    let window = format!(
        "{} {:.0}/{:.0}",
        language.choose("window", "окно"),
        shown.window.center(),
        shown.window.width()
    );
    let mut lines = vec![
        format!("Norma: {}", language.verdict(report.verdict)),
        format!("{place}, {window}"),
    ];
    lines.extend(shown.regions.iter().map(|region| region.words(language)));
    lines
}
