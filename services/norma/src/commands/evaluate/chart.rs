//! The two charts, as SVG.

use std::fmt::Write as _;

use norma_accuracy::{ReliabilityBin, RocPoint};

use super::texts::Text;

/// Side of the plotted square, and what is left around it for its texts, in user units.
const SIDE: f64 = 300.0;
const LEFT: f64 = 52.0;
const BELOW: f64 = 44.0;
const MARGIN: f64 = 10.0;

/// The curve, with the operating points on it as (name, false positive rate, sensitivity).
pub(super) fn roc(curve: &[RocPoint], points: &[(String, f64, f64)], axes: [Text; 2]) -> String {
    let mut path = format!("M{} {}", x(0.0), y(0.0));
    for point in curve {
        write!(path, "L{} {}", x(point.false_positive_rate), y(point.sensitivity)).expect(WRITES);
    }
    let mut marks = format!("<path class=\"line\" d=\"{path}\"/>");
    for (name, false_positive_rate, sensitivity) in points {
        write!(
            marks,
            "<circle class=\"mark\" cx=\"{}\" cy=\"{}\" r=\"4\"><title>{}</title></circle>",
            x(*false_positive_rate),
            y(*sensitivity),
            escaped(name)
        )
        .expect(WRITES);
    }
    square(&marks, axes)
}

/// What was observed at each probability, with its interval; larger circles hold more studies.
pub(super) fn reliability(bins: &[ReliabilityBin], axes: [Text; 2]) -> String {
    let most = bins.iter().map(|bin| bin.observed.trials()).max().unwrap_or(1);
    let mut marks = String::new();
    for bin in bins {
        let (Some(observed), Some([low, high])) = (bin.observed.value(), bin.interval) else {
            continue;
        };
        let radius = 3.0 + 5.0 * (bin.observed.trials() as f64 / most as f64).sqrt();
        let at = x(bin.mean_probability);
        write!(
            marks,
            "<path class=\"whisker\" d=\"M{at} {}L{at} {}\"/><circle class=\"mark\" cx=\"{at}\" cy=\"{}\" r=\"{radius:.1}\">\
             <title>{} / {}</title></circle>",
            y(low),
            y(high),
            y(observed),
            bin.observed.successes(),
            bin.observed.trials()
        )
        .expect(WRITES);
    }
    square(&marks, axes)
}

const WRITES: &str = "writing to a string does not fail";

fn x(share: f64) -> f64 {
    rounded(LEFT + share * SIDE)
}

fn y(share: f64) -> f64 {
    rounded(MARGIN + (1.0 - share) * SIDE)
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The unit square with its diagonal, marks in it and the names of both axes.
fn square(marks: &str, [below, beside]: [Text; 2]) -> String {
    let (width, height) = (LEFT + SIDE + MARGIN, MARGIN + SIDE + BELOW);
    let mut grid = String::new();
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        write!(
            grid,
            "<path class=\"grid\" d=\"M{0} {1}V{2}M{3} {4}H{5}\"/><text x=\"{0}\" y=\"{6}\" text-anchor=\"middle\">{share}</text>\
             <text x=\"{7}\" y=\"{8}\" text-anchor=\"end\">{share}</text>",
            x(share),
            y(0.0),
            y(1.0),
            x(0.0),
            y(share),
            x(1.0),
            y(0.0) + 16.0,
            LEFT - 6.0,
            y(share) + 4.0,
        )
        .expect(WRITES);
    }
    let (middle_x, middle_y) = (x(0.5), y(0.5));
    let mut names = String::new();
    for (lang, below, beside) in [("en", below.en, beside.en), ("ru", below.ru, beside.ru)] {
        write!(
            names,
            "<text lang=\"{lang}\" x=\"{middle_x}\" y=\"{}\" text-anchor=\"middle\">{below}</text>\
             <text lang=\"{lang}\" transform=\"translate(14 {middle_y}) rotate(-90)\" text-anchor=\"middle\">{beside}</text>",
            height - 8.0
        )
        .expect(WRITES);
    }
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\">{grid}<path class=\"grid\" d=\"M{} {}L{} {}\"/>{marks}{names}</svg>",
        x(0.0),
        y(0.0),
        x(1.0),
        y(1.0)
    )
}

/// For text and for attributes in double quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
