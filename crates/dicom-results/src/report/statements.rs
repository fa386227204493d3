//! What holds for the study as a whole: "Qualitative Evaluations" of TID 1500. Coded where it can be, in words beside.

use norma_domain::{Measure, MeasureState, PreparedSummary, Report};

use super::content_item::{ContentItem, Relation};
use crate::code::{Code, FINDING, LIMITATION, PROBABILITY, REASON, VERDICT, label_code, verdict_code};
use crate::region::Region;
use crate::wording::Language;

const QUALITATIVE_EVALUATIONS: Code = Code::of("C0034375", "UMLS", "Qualitative Evaluations");
const MEASURE: Code = Code::own("measure", "Measure of the lungs");
const COMMENT: Code = Code::dcm("121106", "Comment");

/// The container. `undrawn` are regions that no stored image shows: they stand here in words.
pub(super) fn statements(report: &Report, prepared: &PreparedSummary, undrawn: &[Region<'_>]) -> ContentItem {
    let text = |name: &Code, text: &str| ContentItem::text(Relation::Contains, name, text);
    let mut items = vec![ContentItem::code(
        Relation::Contains,
        &VERDICT,
        &verdict_code(report.verdict),
    )];
    if let Some(probability) = report.probability_of_pathology {
        items.push(text(
            &PROBABILITY,
            &format!(
                "{:.3}; threshold {:.3} at the operating point {}",
                probability.value(),
                report.operating_point.threshold.value(),
                report.operating_point.name
            ),
        ));
    }
    let said = |reason: &norma_domain::Reason| format!("{}: {}", reason.code.as_str(), reason.message);
    items.extend(report.reasons.iter().map(|reason| text(&REASON, &said(reason))));
    items.extend(
        report
            .limitations
            .iter()
            .map(|reason| text(&LIMITATION, &said(reason))),
    );
    for finding in report.findings.iter().filter(|finding| finding.present) {
        items.push(ContentItem::code(
            Relation::Contains,
            &FINDING,
            &label_code(&finding.label, &finding.name_en),
        ));
        items.push(text(
            &COMMENT,
            &format!(
                "{}: probability {:.3} by the model",
                finding.name_en,
                finding.probability.value()
            ),
        ));
    }
    for region in undrawn {
        items.push(ContentItem::code(Relation::Contains, &FINDING, &region.finding));
        items.push(text(&COMMENT, &region.words(Language::English)));
    }
    let measures = prepared
        .quantification
        .iter()
        .flat_map(|quantification| &quantification.measures);
    items.extend(measures.map(|measure| text(&MEASURE, &measured(measure))));
    items.push(text(&COMMENT, &report.disclaimer));
    ContentItem::container(Some(Relation::Contains), &QUALITATIVE_EVALUATIONS, None).holding(items)
}

/// `mean_density: -842.1 HU, within its range`.
fn measured(measure: &Measure) -> String {
    let name = serde_json::to_value(measure.code).unwrap_or_default();
    let name = name.as_str().unwrap_or("measure");
    let state = match measure.state {
        MeasureState::Within => "within its range",
        MeasureState::Borderline => "borderline",
        MeasureState::Outside => "outside its range",
        MeasureState::NotMeasurable => "not measurable",
        MeasureState::Described => "described",
    };
    match measure.value {
        Some(value) => format!("{name}: {value:.4} {}, {state}", measure.unit),
        None => format!("{name}: {state}"),
    }
}
