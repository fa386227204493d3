//! Reports, and the few of their values that lists show.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use norma_domain::{AnalysisId, Finding, Probability, Report, Verdict};

use crate::connection::AnyConnection;
use crate::schema::reports;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, json, time};

/// What a report says in short.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub verdict: Verdict,
    pub probability: Option<Probability>,
    /// Of the operating point.
    pub threshold: Probability,
    pub top_finding: Option<TopFinding>,
}

/// The most probable of the findings that are present.
#[derive(Debug, Clone, PartialEq)]
pub struct TopFinding {
    pub label: String,
    pub name_en: String,
    pub name_ru: String,
    pub probability: Probability,
}

#[derive(Insertable)]
#[diesel(table_name = reports, treat_none_as_default_value = false)]
struct NewReportRow<'a> {
    analysis_id: RowId,
    report: serde_json::Value,
    verdict: &'static str,
    probability: Option<f64>,
    threshold: f64,
    top_finding_label: Option<&'a str>,
    top_finding_name_en: Option<&'a str>,
    top_finding_name_ru: Option<&'a str>,
    top_finding_probability: Option<f64>,
    created_at: NaiveDateTime,
}

/// A report's row without the report.
#[derive(Queryable, Selectable)]
#[diesel(table_name = reports)]
pub(crate) struct AnswerRow {
    verdict: String,
    probability: Option<f64>,
    threshold: f64,
    top_finding_label: Option<String>,
    top_finding_name_en: Option<String>,
    top_finding_name_ru: Option<String>,
    top_finding_probability: Option<f64>,
}

impl TryFrom<AnswerRow> for Answer {
    type Error = DatabaseError;

    fn try_from(row: AnswerRow) -> Result<Self, DatabaseError> {
        let corrupt = |column| DatabaseError::CorruptRow {
            table: "reports",
            column,
        };
        let top_finding = match (row.top_finding_label, row.top_finding_probability) {
            (Some(label), Some(probability)) => Some(TopFinding {
                label,
                name_en: row.top_finding_name_en.unwrap_or_default(),
                name_ru: row.top_finding_name_ru.unwrap_or_default(),
                probability: Probability::new(probability).map_err(|_| corrupt("top_finding_probability"))?,
            }),
            _ => None,
        };
        Ok(Self {
            verdict: known_verdict(&row.verdict),
            probability: row
                .probability
                .map(Probability::new)
                .transpose()
                .map_err(|_| corrupt("probability"))?,
            threshold: Probability::new(row.threshold).map_err(|_| corrupt("threshold"))?,
            top_finding,
        })
    }
}

/// A verdict that this version does not know is never norm.
pub(crate) fn known_verdict(text: &str) -> Verdict {
    parse_verdict(text).unwrap_or(Verdict::Undetermined)
}

impl Database {
    /// What the report of a completed analysis says in short.
    pub async fn answer(&self, id: AnalysisId) -> Result<Option<Answer>, DatabaseError> {
        self.run(move |connection| {
            reports::table
                .find(RowId::from(id))
                .select(AnswerRow::as_select())
                .first(connection)
                .optional()?
                .map(Answer::try_from)
                .transpose()
        })
        .await
    }

    /// The reports of these analyses, as far as they are completed; None is one that another version wrote in words that this one does not
    /// know. Each is read whole: ask for a hundred at a time.
    pub async fn reports(
        &self,
        ids: Vec<AnalysisId>,
    ) -> Result<HashMap<AnalysisId, Option<Report>>, DatabaseError> {
        self.run(move |connection| {
            let ids = ids.into_iter().map(RowId::from);
            let rows: Vec<(RowId, serde_json::Value)> = reports::table
                .filter(reports::analysis_id.eq_any(ids.collect::<Vec<_>>()))
                .select((reports::analysis_id, reports::report))
                .load(connection)?;
            let read = rows
                .into_iter()
                .map(|(id, report)| (id.into(), json::decode(report, "reports", "report").ok()));
            Ok(read.collect())
        })
        .await
    }

    /// The report of a completed analysis as it is stored, whichever version wrote it.
    pub async fn stored_report(&self, id: AnalysisId) -> Result<Option<serde_json::Value>, DatabaseError> {
        self.run(move |connection| {
            let report = reports::table.find(RowId::from(id)).select(reports::report);
            Ok(report.first(connection).optional()?)
        })
        .await
    }

    /// The report of a completed analysis.
    pub async fn report(&self, id: AnalysisId) -> Result<Option<Report>, DatabaseError> {
        self.run(move |connection| {
            reports::table
                .find(RowId::from(id))
                .select(reports::report)
                .first::<serde_json::Value>(connection)
                .optional()?
                .map(|report| json::decode(report, "reports", "report"))
                .transpose()
        })
        .await
    }
}

pub(crate) fn insert_report(connection: &mut AnyConnection, report: &Report) -> Result<(), DatabaseError> {
    let top = top_finding(&report.findings);
    let row = NewReportRow {
        analysis_id: report.analysis_id.into(),
        report: json::encode(report, "report")?,
        verdict: report.verdict.as_str(),
        probability: report.probability_of_pathology.map(Probability::value),
        threshold: report.operating_point.threshold.value(),
        top_finding_label: top.map(|finding| finding.label.as_str()),
        top_finding_name_en: top.map(|finding| finding.name_en.as_str()),
        top_finding_name_ru: top.map(|finding| finding.name_ru.as_str()),
        top_finding_probability: top.map(|finding| finding.probability.value()),
        created_at: time::to_row(time::now()),
    };
    diesel::insert_into(reports::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}

fn top_finding(findings: &[Finding]) -> Option<&Finding> {
    findings
        .iter()
        .filter(|finding| finding.present)
        .max_by(|one, other| one.probability.value().total_cmp(&other.probability.value()))
}

fn parse_verdict(text: &str) -> Option<Verdict> {
    [Verdict::Norm, Verdict::Pathology, Verdict::Undetermined]
        .into_iter()
        .find(|verdict| verdict.as_str() == text)
}
