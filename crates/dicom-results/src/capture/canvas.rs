//! A picture in RGB with text and boxes.

use std::convert::Infallible;

use embedded_graphics::Drawable as _;
use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::iso_8859_5::FONT_10X20;
use embedded_graphics::pixelcolor::{Rgb888, RgbColor as _};
use embedded_graphics::text::{Baseline, Text};

/// Width of a character at scale 1.
pub(super) const CHARACTER_WIDTH: usize = 10;
/// Height of a line at scale 1.
pub(super) const LINE_HEIGHT: usize = 24;

pub(super) const WHITE: Rgb888 = Rgb888::WHITE;
pub(super) const GREY: Rgb888 = Rgb888::new(170, 170, 170);
pub(super) const YELLOW: Rgb888 = Rgb888::new(255, 220, 60);
pub(super) const ORANGE: Rgb888 = Rgb888::new(255, 140, 60);

/// Rows of pixels from the top, red green blue.
pub(super) struct Canvas {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) pixels: Vec<u8>,
}

impl Canvas {
    /// A black one.
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            pixels: vec![0; rows * columns * 3],
        }
    }

    /// Outside the picture nothing is set.
    pub(super) fn set(&mut self, row: usize, column: usize, color: Rgb888) {
        if row < self.rows && column < self.columns {
            let start = (row * self.columns + column) * 3;
            self.pixels[start..start + 3].copy_from_slice(&[color.r(), color.g(), color.b()]);
        }
    }

    /// One line of text, its upper left corner at `row`, `column`; `scale` times as large as the font.
    pub(super) fn text(&mut self, row: usize, column: usize, scale: usize, color: Rgb888, text: &str) {
        let text = printable(text);
        let style = MonoTextStyle::new(&FONT_10X20, color);
        let mut target = Scaled {
            canvas: self,
            scale,
            row,
            column,
        };
        let drawn = Text::with_baseline(&text, Point::zero(), style, Baseline::Top).draw(&mut target);
        // The target's error has no value.
        let Ok(_) = drawn;
    }

    /// Lines of text below each other, broken at words, `margin` from both sides. Gives the row below the last one.
    pub(super) fn paragraph(&mut self, row: usize, margin: usize, color: Rgb888, text: &str) -> usize {
        let characters = (self.columns.saturating_sub(2 * margin) / CHARACTER_WIDTH).max(1);
        let mut row = row;
        for line in wrap(text, characters) {
            self.text(row, margin, 1, color, &line);
            row += LINE_HEIGHT;
        }
        row
    }

    /// The edges of a box, `width` pixels wide, outside of it: rows and columns from, to (included).
    pub(super) fn frame(&mut self, rows: [usize; 2], columns: [usize; 2], width: usize, color: Rgb888) {
        for step in 1..=width {
            let (top, bottom) = (rows[0].checked_sub(step), rows[1] + step);
            let (left, right) = (columns[0].checked_sub(step), columns[1] + step);
            for column in left.unwrap_or(0)..=right {
                top.into_iter()
                    .chain([bottom])
                    .for_each(|row| self.set(row, column, color));
            }
            for row in top.unwrap_or(0)..=bottom {
                left.into_iter()
                    .chain([right])
                    .for_each(|column| self.set(row, column, color));
            }
        }
    }
}

struct Scaled<'a> {
    canvas: &'a mut Canvas,
    scale: usize,
    row: usize,
    column: usize,
}

impl OriginDimensions for Scaled<'_> {
    fn size(&self) -> Size {
        let side = |length: usize| u32::try_from(length / self.scale).unwrap_or(u32::MAX);
        Size::new(side(self.canvas.columns), side(self.canvas.rows))
    }
}

impl DrawTarget for Scaled<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, color) in pixels {
            let (Ok(x), Ok(y)) = (usize::try_from(point.x), usize::try_from(point.y)) else {
                continue;
            };
            for down in 0..self.scale {
                for right in 0..self.scale {
                    self.canvas.set(
                        self.row + y * self.scale + down,
                        self.column + x * self.scale + right,
                        color,
                    );
                }
            }
        }
        Ok(())
    }
}

/// The text with what the font (ISO 8859-5) has.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '−' | '–' | '—' => '-',
            '×' => 'x',
            '«' | '»' | '“' | '”' => '"',
            '’' => '\'',
            '≤' => '<',
            '≥' => '>',
            other => other,
        })
        .collect()
}

/// Lines of `characters` at most, broken between words where there are any.
fn wrap(text: &str, characters: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = line.chars().count();
        if length > 0 && length + 1 + word.chars().count() > characters {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        while line.chars().count() > characters {
            let rest: String = line.chars().skip(characters).collect();
            lines.push(line.chars().take(characters).collect());
            line = rest;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_whole_where_they_fit() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert!(wrap("  ", 4).is_empty());
    }

    #[test]
    fn letters_of_both_languages_leave_marks_and_differ() {
        let draw = |text: &str| {
            let mut canvas = Canvas::new(20, 40);
            canvas.text(0, 0, 1, WHITE, text);
            canvas.pixels
        };
        // The font draws what it has not as a question mark.
        assert_ne!(draw("Ж"), draw("?"));
        assert_ne!(draw("ё"), draw("?"));
        assert_ne!(draw("N"), draw("?"));
        assert_eq!(draw("−"), draw("-"));
        assert!(draw("Ж").contains(&255));
    }

    #[test]
    fn a_frame_leaves_what_it_frames() {
        let mut canvas = Canvas::new(10, 10);
        canvas.frame([3, 5], [0, 4], 2, WHITE);
        let lit = |row: usize, column: usize| canvas.pixels[(row * 10 + column) * 3] == 255;
        assert!(!lit(3, 0) && !lit(5, 4) && !lit(4, 2));
        assert!(lit(2, 0) && lit(1, 4) && lit(6, 2) && lit(4, 5) && lit(4, 6) && !lit(4, 7));
    }
}
