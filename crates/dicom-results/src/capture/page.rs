//! The first page: the verdict and why.

use norma_domain::{PreparedSummary, Report, Verdict};

use super::canvas::{Canvas, GREY, LINE_HEIGHT, ORANGE, WHITE, YELLOW};
use crate::modules::algorithm_version;
use crate::region::Region;
use crate::wording::Language;

const ROWS: usize = 768;
const COLUMNS: usize = 768;
const MARGIN: usize = 32;
const VERDICT_SCALE: usize = 4;
/// Where the last lines begin; what is above them ends before.
const FOOT: usize = ROWS - 5 * LINE_HEIGHT;

/// What is said in the middle, in the order of its weight. What has no place is counted.
fn lines(report: &Report, regions: &[Region<'_>], language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(probability) = report.probability_of_pathology {
        lines.push(format!(
            "{} {:.2}; {} {:.2} ({})",
            language.choose("Probability of pathology", "Вероятность патологии"),
            probability.value(),
            language.choose("threshold", "порог"),
            report.operating_point.threshold.value(),
            report.operating_point.name,
        ));
    }
    let why = language.choose("Undetermined because", "Не определено, потому что");
    lines.extend(
        report
            .reasons
            .iter()
            .map(|reason| format!("{why}: {}", language.reason(reason))),
    );
    lines.extend(regions.iter().map(|region| region.words(language)));
    let by_model = language.choose("by the model", "по модели");
    lines.extend(
        report
            .findings
            .iter()
            .filter(|finding| finding.present)
            .map(|finding| {
                let name = match language {
                    Language::English => &finding.name_en,
                    Language::Russian => &finding.name_ru,
                };
                format!("{name}: {:.2} {by_model}", finding.probability.value())
            }),
    );
    let limited = language.choose("Limited", "Ограничение");
    lines.extend(
        report
            .limitations
            .iter()
            .filter(|limitation| !report.reasons.contains(limitation))
            .map(|limitation| format!("{limited}: {}", language.reason(limitation))),
    );
    lines
}

/// Draws the page.
pub(super) fn draw_page(
    report: &Report,
    prepared: &PreparedSummary,
    regions: &[Region<'_>],
    language: Language,
) -> Canvas {
    let mut canvas = Canvas::new(ROWS, COLUMNS);
    let title = language.choose("Norma, chest CT", "Norma, КТ грудной клетки");
    canvas.text(MARGIN, MARGIN, 2, WHITE, title);
    let color = match report.verdict {
        // No colour that reassures.
        Verdict::Norm => WHITE,
        Verdict::Pathology => ORANGE,
        Verdict::Undetermined => YELLOW,
    };
    canvas.text(
        MARGIN + 3 * LINE_HEIGHT,
        MARGIN,
        VERDICT_SCALE,
        color,
        language.verdict(report.verdict),
    );
    let mut row = MARGIN + 8 * LINE_HEIGHT;
    let lines = lines(report, regions, language);
    for (index, line) in lines.iter().enumerate() {
        // Two lines of text and one that counts the rest.
        if row + 3 * LINE_HEIGHT > FOOT {
            let more = format!(
                "{} {}",
                language.choose("and more:", "и ещё:"),
                lines.len() - index
            );
            canvas.text(row, MARGIN, 1, YELLOW, &more);
            break;
        }
        let rows_left = FOOT - LINE_HEIGHT - row;
        let shown: String = line
            .chars()
            .take(rows_left / LINE_HEIGHT * (COLUMNS - 2 * MARGIN) / super::canvas::CHARACTER_WIDTH)
            .collect();
        row = canvas.paragraph(row, MARGIN, WHITE, &shown);
    }
    let [slices, rows, columns] = prepared.study.geometry.shape;
    let mut row = FOOT;
    for line in [
        format!(
            "{} {slices} x {rows} x {columns}",
            language.choose("Volume", "Объём")
        ),
        format!(
            "{}, {}",
            algorithm_version(report),
            report.timings.finished_at.format("%Y-%m-%d %H:%M UTC")
        ),
    ] {
        canvas.text(row, MARGIN, 1, GREY, &line);
        row += LINE_HEIGHT;
    }
    canvas.paragraph(row, MARGIN, YELLOW, language.research_use());
    canvas
}
