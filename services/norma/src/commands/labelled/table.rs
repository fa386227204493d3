//! The table of labelled studies: CSV, as a spreadsheet writes it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use norma_accuracy::ScoredStudy;
use norma_domain::ScannerProfile;

use norma_site::{Grouping, LabelledStudy, age_band_of};

/// Before the number of the line by which a study is named where no column names it.
pub(crate) const NAMED_BY_LINE: &str = "line ";

/// The columns by their names; a row of the mass run with a label beside it is a labelled study.
const COLUMNS: [(Column, &[&str]); 13] = [
    (Column::Study, &["study", "scan", "study_uid", "path_to_study"]),
    (Column::Label, &["label", "truth"]),
    (
        Column::Score,
        &["score", "probability", "probability_of_pathology"],
    ),
    (Column::Patient, &["patient", "patient_id"]),
    (Column::Scanner, &["scanner"]),
    (Column::Sex, &["sex"]),
    (Column::AgeBand, &["age_band", "age"]),
    (Column::Pathology, &["pathology_type", "finding"]),
    (Column::Manufacturer, &["manufacturer"]),
    (Column::Model, &["model", "scanner_model"]),
    (Column::Kernel, &["kernel", "convolution_kernel"]),
    (Column::Thickness, &["slice_thickness_mm"]),
    (Column::Contrast, &["contrast_agent", "contrast"]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Column {
    Study,
    Label,
    Score,
    Patient,
    Scanner,
    Sex,
    AgeBand,
    Pathology,
    Manufacturer,
    Model,
    Kernel,
    Thickness,
    Contrast,
}

/// A row; where the table has no score column, its score is in the database.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LabelledRow {
    pub(super) study: LabelledStudy,
    /// The table has a column of scores; a blank one in it is an undetermined answer.
    scores_are_told: bool,
}

impl LabelledRow {
    pub(super) fn has_score(&self) -> bool {
        self.scores_are_told
    }

    pub(super) fn into_study(self) -> LabelledStudy {
        self.study
    }
}

#[derive(Debug)]
pub(super) struct Table {
    pub(super) rows: Vec<LabelledRow>,
    /// Rows that are the same as one above, cell by cell. Only where no column names the studies: one that is named twice is refused.
    pub(super) repeated: usize,
}

/// Reads a table. Separated by commas or semicolons, with a decimal comma where it is semicolons, in UTF-8.
///
/// # Errors
/// Say the line and the column, never what stands there: it may name a patient.
pub(super) fn read(path: &Path) -> anyhow::Result<Table> {
    let bytes =
        std::fs::read(path).with_context(|| format!("failed to read the table {}", path.display()))?;
    let text = String::from_utf8(bytes)
        .ok()
        .context("the table is not UTF-8: save it as `CSV UTF-8`")?;
    parse(text.trim_start_matches('\u{feff}'))
}

fn parse(text: &str) -> anyhow::Result<Table> {
    let head = text.lines().next().unwrap_or_default();
    let semicolons = head.matches(';').count() > head.matches(',').count();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if semicolons { b';' } else { b',' })
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let places = places(reader.headers().context("the table has no head")?)?;
    let mut rows: Vec<LabelledRow> = Vec::new();
    let mut lines: HashMap<String, u64> = HashMap::new();
    let mut seen: HashSet<Vec<String>> = HashSet::new();
    let mut repeated = 0;
    for record in reader.records() {
        let record = record.map_err(|error| anyhow::anyhow!("{}", told(&error)))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells = Cells {
            record: &record,
            places: &places,
            semicolons,
        };
        let row = row(&cells, line).with_context(|| format!("line {line}"))?;
        if places.contains_key(&Column::Study) {
            let first = lines.insert(row.study.name.clone(), line);
            if let Some(first) = first {
                bail!("line {line}: the study of line {first} again; leave one of the lines out");
            }
        }
        rows.push(row);
        if !seen.insert(record.iter().map(str::to_owned).collect()) {
            repeated += 1;
        }
    }
    ensure!(!rows.is_empty(), "the table has no row");
    Ok(Table { rows, repeated })
}

/// The csv crate's own message would repeat cells.
fn told(error: &csv::Error) -> String {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("line {line}: {len} cells, the head has {expected_len}")
        }
        _ => format!("line {line}: no row of a CSV table"),
    }
}

fn places(head: &csv::StringRecord) -> anyhow::Result<HashMap<Column, usize>> {
    ensure!(
        head.iter().any(|title| !title.is_empty()),
        "the table is empty: it has no column `label`"
    );
    let mut places = HashMap::new();
    for name in COLUMNS.iter().flat_map(|(_, names)| *names) {
        let titles = head.iter().filter(|title| title.eq_ignore_ascii_case(name));
        ensure!(
            titles.count() < 2,
            "the table has two columns `{name}`: leave one of them out"
        );
    }
    for (column, names) in COLUMNS {
        // The first of the names that is there: a row of the mass run has both a UID and a path.
        let place = names
            .iter()
            .find_map(|name| head.iter().position(|title| title.eq_ignore_ascii_case(name)));
        if let Some(place) = place {
            places.insert(column, place);
        }
    }
    ensure!(
        places.contains_key(&Column::Label),
        "the table has no column `label`: norm or pathology (0 or 1); commas or semicolons stand between columns"
    );
    ensure!(
        places.contains_key(&Column::Score) || places.contains_key(&Column::Study),
        "the table has neither a column `score` nor a column `study`: a probability, or a scan's id or Study Instance UID"
    );
    Ok(places)
}

struct Cells<'a> {
    record: &'a csv::StringRecord,
    places: &'a HashMap<Column, usize>,
    semicolons: bool,
}

impl Cells<'_> {
    fn text(&self, column: Column) -> Option<&str> {
        let text = self.record.get(*self.places.get(&column)?)?;
        (!text.is_empty()).then_some(text)
    }

    fn number(&self, column: Column) -> anyhow::Result<Option<f64>> {
        let Some(text) = self.text(column) else {
            return Ok(None);
        };
        let number = if self.semicolons {
            text.replace(',', ".").parse()
        } else {
            text.parse()
        };
        Ok(Some(
            number.ok().with_context(|| format!("{column:?} is no number"))?,
        ))
    }
}

fn row(cells: &Cells<'_>, line: u64) -> anyhow::Result<LabelledRow> {
    let pathology = cells.text(Column::Label).and_then(label);
    let pathology = pathology.context("the label is neither norm nor pathology (0 or 1)")?;
    let scores_are_told = cells.places.contains_key(&Column::Score);
    let score = cells.number(Column::Score)?;
    if let Some(score) = score {
        ensure!(
            ScoredStudy::new(score, pathology).is_ok(),
            "the score is no probability: 0 to 1 is expected"
        );
    }
    let name = match cells.text(Column::Study) {
        Some(study) => study.to_owned(),
        None if cells.places.contains_key(&Column::Study) => bail!("the study is blank"),
        None => format!("{NAMED_BY_LINE}{line}"),
    };
    let profile = profile(cells)?;
    let mut groups = BTreeMap::new();
    let scanner = profile.as_ref().map(ToString::to_string);
    let told = [
        (
            Grouping::Scanner,
            cells.text(Column::Scanner).map(str::to_owned).or(scanner),
        ),
        (Grouping::Sex, cells.text(Column::Sex).map(str::to_uppercase)),
        (Grouping::AgeBand, cells.text(Column::AgeBand).map(age_band)),
        (
            Grouping::Pathology,
            cells.text(Column::Pathology).map(str::to_owned),
        ),
    ];
    groups.extend(told.into_iter().filter_map(|(by, group)| Some((by, group?))));
    Ok(LabelledRow {
        study: LabelledStudy {
            name,
            scan_id: None,
            pathology,
            score,
            probability: score,
            is_withheld: false,
            patient: cells.text(Column::Patient).map(str::to_owned),
            profile,
            groups,
        },
        scores_are_told,
    })
}

fn label(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "0" | "norm" | "normal" | "норма" => Some(false),
        "1" | "pathology" | "патология" => Some(true),
        _ => None,
    }
}

fn profile(cells: &Cells<'_>) -> anyhow::Result<Option<ScannerProfile>> {
    let thickness_mm = cells.number(Column::Thickness)?;
    let contrast = match cells.text(Column::Contrast).map(str::to_lowercase).as_deref() {
        Some("1" | "true" | "yes" | "да") => Some(true),
        Some("0" | "false" | "no" | "нет") => Some(false),
        Some(_) => bail!("contrast_agent is neither yes nor no (1 or 0)"),
        None => None,
    };
    let of = |column| cells.text(column);
    let known = (|| {
        Some((
            of(Column::Manufacturer)?,
            of(Column::Model)?,
            of(Column::Kernel)?,
            thickness_mm?,
            contrast?,
        ))
    })();
    Ok(
        known.and_then(|(manufacturer, model, kernel, thickness_mm, contrast)| {
            ScannerProfile::new(manufacturer, model, kernel, thickness_mm, contrast)
        }),
    )
}

/// The band of an age in years; what is no number is a band already.
fn age_band(text: &str) -> String {
    text.parse().map_or_else(|_| text.to_owned(), age_band_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(text: &str) -> Vec<(bool, Option<f64>)> {
        let table = parse(text).unwrap();
        table
            .rows
            .into_iter()
            .map(|row| (row.study.pathology, row.study.score))
            .collect()
    }

    fn error(text: &str) -> String {
        format!("{:#}", parse(text).unwrap_err())
    }

    #[test]
    fn a_table_is_read_as_any_spreadsheet_writes_it() {
        let expected = [(true, Some(0.25)), (false, None)];
        for text in [
            "score,label\n0.25,1\n,0\n",
            "Label, Score\r\npathology, 0.25\r\nnorm,\r\n",
            "label;score\n1;0,25\n0;\n",
            "label;score\nпатология;0.25\nнорма;\n",
        ] {
            assert_eq!(scores(text), expected, "{text}");
        }
    }

    /// Studies that no column tells apart may be one study that was pasted twice: a bound over copies promises what nobody measured.
    #[test]
    fn rows_that_repeat_one_above_are_counted() {
        let table = parse("score,label\n0.5,1\n0.25,0\n0.5,1\n0.5,0\n0.5,1\n").unwrap();
        assert_eq!((table.rows.len(), table.repeated), (5, 2));
    }

    #[test]
    fn a_row_of_the_mass_run_with_a_label_is_a_labelled_study() {
        let text =
            "path_to_study,study_uid,probability_of_pathology,pathology,label\na/b.zip,1.2.3,0.7,1,norm\n";
        let rows = parse(text).unwrap().rows;
        assert_eq!(rows[0].study.name, "1.2.3");
        assert_eq!((rows[0].study.pathology, rows[0].study.score), (false, Some(0.7)));
        assert!(rows[0].has_score());
    }

    #[test]
    fn scanner_age_and_sex_become_groups() {
        let text = "score,label,manufacturer,model,kernel,slice_thickness_mm,contrast,age,sex\n\
                    0.5,1,SIEMENS,Force,Br40d,1,no,67,f\n0.5,0,SIEMENS,,Br40d,1,no,,\n";
        let rows = parse(text).unwrap().rows;
        let groups = &rows[0].study.groups;
        assert_eq!(
            groups[&Grouping::Scanner],
            "siemens force, BR40, up to 1.5 mm, no contrast"
        );
        assert_eq!(groups[&Grouping::AgeBand], "60–69");
        assert_eq!(groups[&Grouping::Sex], "F");
        assert!(rows[0].study.profile.is_some() && rows[1].study.profile.is_none());
        assert!(rows[1].study.groups.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_told_by_line_and_never_repeated() {
        for (text, what) in [
            ("score,label\n0.5,1\nIvanov,0\n", "line 3"),
            ("score,label\n0.5,Ivanov\n", "line 2: the label is neither"),
            ("score,label\n1.5,1\n", "line 2: the score is no probability"),
            ("score,label\nNaN,1\n", "line 2: the score is no probability"),
            ("score,label\n0.5,1,Ivanov\n", "line 2: 3 cells, the head has 2"),
            (
                "study,label\nIvanov,1\nPetrov,0\nIvanov,0\n",
                "line 4: the study of line 2 again",
            ),
            ("study,label\n,1\n", "line 2: the study is blank"),
            ("study,score\nIvanov,1\n", "no column `label`"),
            (
                "label,sex\n1,f\n",
                "neither a column `score` nor a column `study`",
            ),
            ("score,label\n", "the table has no row"),
            ("", "the table is empty: it has no column `label`"),
            ("score\tlabel\n0.5\t1\n", "commas or semicolons"),
            (
                "score,label,Score\n0.1,1,0.9\n",
                "two columns `score`: leave one of them out",
            ),
        ] {
            let error = error(text);
            assert!(error.contains(what), "{text}: {error}");
            assert!(!error.contains("Ivanov"), "{error}");
        }
    }
}
