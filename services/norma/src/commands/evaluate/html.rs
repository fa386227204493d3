//! The page: one file without anything from elsewhere, in both languages.

use norma_accuracy::{PredictiveValues, Proportion};
use norma_site::Grouping;

use super::chart::{self, escaped};
use super::measure::{Estimate, Evaluation, Flow, GroupAccuracy, Miss, PointAccuracy};
use super::texts::{self as t, Text};
use crate::commands::labelled::NAMED_BY_LINE;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#1c6dd0;--soft:#8886}\
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:1.5rem}\
h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--soft);vertical-align:top}\
.scroll{overflow-x:auto}.soft{opacity:.75}td span.soft{white-space:nowrap}figure{margin:0;max-width:26rem}\
svg text{font-size:12px;fill:currentColor}.grid{stroke:var(--soft);fill:none}\
.line,.whisker{stroke:var(--line);stroke-width:2;fill:none}.mark{fill:var(--line)}\
input[name=lang]{position:absolute;opacity:0}label{cursor:pointer;margin-right:1rem;text-decoration:underline}\
#en:checked~main [lang=ru],#ru:checked~main [lang=en]{display:none}\
#en:checked~label[for=en],#ru:checked~label[for=ru]{text-decoration:none;font-weight:600}\
#en:focus-visible~label[for=en],#ru:focus-visible~label[for=ru]{outline:2px solid var(--line)}\
@media print{label{display:none}}";

pub(super) fn page(evaluation: &Evaluation) -> String {
    let sections = [
        head(evaluation),
        flow(evaluation),
        roc(evaluation),
        points(evaluation),
        predictive(evaluation),
        calibration(evaluation),
        groups(&evaluation.groups),
        misses(&evaluation.misses),
        notes(),
    ]
    .concat();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>Norma: {} · {}</title><style>{STYLE}</style></head><body>\
         <input type=\"radio\" name=\"lang\" id=\"en\" checked><input type=\"radio\" name=\"lang\" id=\"ru\">\
         <label for=\"en\">English</label><label for=\"ru\">Русский</label><main>{sections}</main></body></html>\n",
        t::TITLE.en,
        t::TITLE.ru
    )
}

/// A text in both languages, of which the page shows one.
fn said(text: Text) -> String {
    format!(
        "<span lang=\"en\">{}</span><span lang=\"ru\">{}</span>",
        text.en, text.ru
    )
}

fn heading(text: Text) -> String {
    format!("<h2>{}</h2>", said(text))
}

fn paragraph(content: &str) -> String {
    format!("<p>{content}</p>")
}

fn table(head: &[String], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let cells = |tag: &str, cells: &[String]| -> String {
        let cells: String = cells
            .iter()
            .map(|cell| format!("<{tag}>{cell}</{tag}>"))
            .collect();
        format!("<tr>{cells}</tr>")
    };
    let rows: String = rows.into_iter().map(|row| cells("td", &row)).collect();
    format!(
        "<div class=\"scroll\"><table><thead>{}</thead><tbody>{rows}</tbody></table></div>",
        cells("th", head)
    )
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `97.8 % (92.4–99.7), 90/92`; a dash where there is nothing to count.
fn estimate(estimate: Estimate) -> String {
    match interval(estimate.value, estimate.interval) {
        Some(text) => format!("{text}, {}/{}", estimate.of.successes(), estimate.of.trials()),
        None => "–".to_owned(),
    }
}

fn interval(value: Option<f64>, interval: Option<[f64; 2]>) -> Option<String> {
    let (value, [low, high]) = (value?, interval?);
    Some(format!(
        "{} <span class=\"soft\">({:.1}–{:.1})</span>",
        percent(value),
        low * 100.0,
        high * 100.0
    ))
}

fn head(evaluation: &Evaluation) -> String {
    let bundle = &evaluation.bundle;
    let hash: String = bundle.sha256.chars().take(12).collect();
    format!(
        "<h1>{}</h1><p>{}</p><p class=\"soft\">{}: {} {} ({hash}) · Norma {} · {}: {} · {}: {}</p>",
        said(t::TITLE),
        said(t::RESEARCH),
        said(t::BUNDLE),
        escaped(&bundle.name),
        escaped(&bundle.version),
        evaluation.norma_version,
        said(t::MADE),
        evaluation.made_at.format("%Y-%m-%d %H:%M UTC"),
        said(t::LABELS),
        said(t::label_source(evaluation.label_source))
    )
}

fn flow(evaluation: &Evaluation) -> String {
    let Flow {
        pathologies,
        norms,
        undetermined_pathologies,
        undetermined_norms,
        decided_by_measures,
        withheld,
        left_out,
    } = &evaluation.flow;
    let row = |label: Text, with_verdict: usize, undetermined: usize| {
        vec![said(label), with_verdict.to_string(), undetermined.to_string()]
    };
    let counts = table(
        &[String::new(), said(t::WITH_VERDICT), said(t::UNDETERMINED)],
        [
            row(t::PATHOLOGIES, *pathologies, *undetermined_pathologies),
            row(t::NORMS, *norms, *undetermined_norms),
        ],
    );
    let left_out: String = left_out
        .iter()
        .map(|(why, count)| format!("<li>{}: {count}</li>", said(t::left_out(*why))))
        .collect();
    let left_out = if left_out.is_empty() {
        left_out
    } else {
        format!("<p>{}</p><ul>{left_out}</ul>", said(t::LEFT_OUT))
    };
    let notes: String = [
        (t::DECIDED_BY_MEASURES, *decided_by_measures),
        (t::WITHHELD, *withheld),
    ]
    .into_iter()
    .filter(|(_, studies)| *studies > 0)
    .map(|(text, studies)| paragraph(&format!("{}: {studies}", said(text))))
    .collect();
    [heading(t::FLOW), counts, notes, left_out].concat()
}

fn roc(evaluation: &Evaluation) -> String {
    let Some(roc) = evaluation.roc else {
        return heading(t::ROC) + &paragraph(&said(t::NO_AREA));
    };
    let area = format!(
        "{}: {:.3} <span class=\"soft\">({:.3}–{:.3}; {})</span>",
        said(t::AREA),
        roc.area,
        roc.interval[0],
        roc.interval[1],
        said(t::roc_method(roc.method))
    );
    let points: Vec<(String, f64, f64)> = evaluation
        .operating_points
        .iter()
        .filter_map(|point| {
            let false_positive_rate = 1.0 - point.specificity.value?;
            Some((
                point.name.to_string(),
                false_positive_rate,
                point.sensitivity.value?,
            ))
        })
        .collect();
    let chart = chart::roc(
        &evaluation.roc_curve,
        &points,
        [t::FALSE_POSITIVE_RATE, t::SENSITIVITY],
    );
    format!("{}{}<figure>{chart}</figure>", heading(t::ROC), paragraph(&area))
}

fn points(evaluation: &Evaluation) -> String {
    let head = [
        t::POINT,
        t::THRESHOLD,
        t::SENSITIVITY,
        t::SPECIFICITY,
        t::MISSED,
        t::FALSE_ALARMS,
        t::FOUND_OF_ALL,
        t::RELEASED_OF_ALL,
    ]
    .map(said);
    let row = |point: &PointAccuracy| {
        let name = escaped(point.name.as_str());
        let name = if point.name == evaluation.default_operating_point {
            format!("{name} ({})", said(t::DEFAULT))
        } else {
            name
        };
        let (found, released) = (point.sensitivity.of, point.specificity.of);
        vec![
            name,
            thresholds(point),
            estimate(point.sensitivity),
            estimate(point.specificity),
            failures(found),
            failures(released),
            estimate(point.found_of_all),
            estimate(point.released_of_all),
        ]
    };
    heading(t::POINTS) + &table(&head, evaluation.operating_points.iter().map(row))
}

/// How many of nothing failed is not 0.
fn failures(of: Proportion) -> String {
    match of.trials() {
        0 => "–".to_owned(),
        _ => of.failures().to_string(),
    }
}

fn thresholds(point: &PointAccuracy) -> String {
    let threshold = format!("{:.4}", point.threshold);
    match point.own_thresholds {
        0 => threshold,
        own => format!("{threshold}; {}: {own}", said(t::OWN_THRESHOLDS)),
    }
}

fn predictive(evaluation: &Evaluation) -> String {
    let default = evaluation
        .operating_points
        .iter()
        .find(|point| point.name == evaluation.default_operating_point);
    let values = default.map_or(&[] as &[PredictiveValues], |point| &point.predictive_values);
    if values.is_empty() {
        return String::new();
    }
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let rows = values.iter().map(|values| {
        vec![
            percent(values.prevalence),
            or_dash(interval(values.negative, values.negative_interval)),
            or_dash(interval(values.positive, values.positive_interval)),
        ]
    });
    let head = [t::PREVALENCE, t::NEGATIVE_VALUE, t::POSITIVE_VALUE].map(said);
    heading(t::PREDICTIVE) + &table(&head, rows)
}

fn calibration(evaluation: &Evaluation) -> String {
    let Some(reliability) = &evaluation.reliability else {
        return String::new();
    };
    let observed = reliability.prevalence;
    if observed.successes() == 0 || observed.failures() == 0 {
        return heading(t::CALIBRATION) + &paragraph(&said(t::NO_CALIBRATION));
    }
    let brier = format!(
        "{}: {:.3} ({:.3})",
        said(t::BRIER),
        reliability.brier,
        reliability.brier_of_prevalence
    );
    let in_the_large = format!(
        "{}: {}, {}",
        said(t::IN_THE_LARGE),
        percent(reliability.mean_probability),
        estimate(reliability.prevalence.into())
    );
    let chart = chart::reliability(&reliability.bins, [t::PROBABILITY, t::OBSERVED]);
    let rows = reliability.bins.iter().map(|bin| {
        vec![
            format!("{:.1}–{:.1}", bin.low, bin.high),
            format!("{:.3}", bin.mean_probability),
            estimate(bin.observed.into()),
        ]
    });
    let head = [String::new(), said(t::PROBABILITY), said(t::OBSERVED)];
    format!(
        "{}{}{}<figure>{chart}</figure>{}",
        heading(t::CALIBRATION),
        paragraph(&brier),
        paragraph(&in_the_large),
        table(&head, rows)
    )
}

fn groups(groups: &[GroupAccuracy]) -> String {
    if groups.is_empty() {
        return heading(t::GROUPS) + &paragraph(&said(t::NO_GROUPS));
    }
    let rows = groups.iter().map(|group| {
        vec![
            format!(
                "{}: {}",
                said(t::grouping(group.by)),
                group_text(group.by, &group.group)
            ),
            estimate(group.sensitivity),
            estimate(group.specificity),
            group.roc.map_or_else(
                || "–".to_owned(),
                |roc| {
                    format!(
                        "{:.3} <span class=\"soft\">({:.3}–{:.3})</span>",
                        roc.area, roc.interval[0], roc.interval[1]
                    )
                },
            ),
            group.undetermined.to_string(),
        ]
    });
    let head = [t::GROUP, t::SENSITIVITY, t::SPECIFICITY, t::AREA, t::UNDETERMINED].map(said);
    heading(t::GROUPS) + &table(&head, rows)
}

fn misses(misses: &[Miss]) -> String {
    if misses.is_empty() {
        return heading(t::MISSES) + &paragraph(&said(t::NO_MISSES));
    }
    let rows = misses.iter().map(|miss| {
        let name = match miss.study.strip_prefix(NAMED_BY_LINE) {
            Some(line) => format!("{} {}", said(t::LINE), escaped(line)),
            None => escaped(&miss.study),
        };
        let name = match &miss.href {
            Some(href) => format!("<a href=\"{}\">{name}</a>", escaped(href)),
            None => name,
        };
        let groups: Vec<String> = miss
            .groups
            .iter()
            .map(|(by, group)| group_text(*by, group))
            .collect();
        vec![name, format!("{:.4}", miss.score), groups.join(" · ")]
    });
    let head = [said(t::STUDY), said(t::PROBABILITY), said(t::GROUP)];
    heading(t::MISSES) + &table(&head, rows)
}

/// A scanner's profile is told in both languages; all else is as the table has it.
fn group_text(by: Grouping, group: &str) -> String {
    match by {
        Grouping::Scanner => match t::scanner_in_russian(group) {
            Some(russian) => format!(
                "<span lang=\"en\">{}</span><span lang=\"ru\">{}</span>",
                escaped(group),
                escaped(&russian)
            ),
            None => escaped(group),
        },
        Grouping::Sex | Grouping::AgeBand | Grouping::Pathology => escaped(group),
    }
}

fn notes() -> String {
    let notes: String = t::NOTES
        .iter()
        .map(|note| format!("<li>{}</li>", said(*note)))
        .collect();
    format!("{}<ul>{notes}</ul>", heading(t::READING))
}
