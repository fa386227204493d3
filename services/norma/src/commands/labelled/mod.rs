//! A site's labelled studies with the bundle that they are held against, from a table or the database.

mod table;

use std::path::Path;

use anyhow::Context as _;
use norma_database::Database;
use norma_inference::Bundle;
use norma_service::{BundleInUse, Settings};
use norma_site::{Answers, LabelledSet};

use self::table::{LabelledRow, Table};
use super::installation::open;
use super::settings::settings;
use super::terminal::tell;
use crate::command_line::Installation;

/// Before the number of the line by which a study is named where no column names it.
pub(crate) const NAMED_BY_LINE: &str = "line ";

/// An installation with the bundle that acts there.
pub(crate) struct Site {
    pub(crate) settings: Settings,
    pub(crate) database: Database,
    pub(crate) bundle: Bundle,
    pub(crate) answers: Answers,
}

impl Site {
    pub(crate) async fn open(config: Option<&Path>, installation: &Installation) -> anyhow::Result<Self> {
        let (database, settings) = open(config, installation).await?;
        let in_use = BundleInUse::load(&settings.models, &database).await;
        let bundle = in_use.context("failed to load the model bundle")?.bundle;
        let answers = Answers::open(database.clone(), &bundle).await?;
        Ok(Self {
            settings,
            database,
            bundle,
            answers,
        })
    }
}

/// What labels are held against.
pub(crate) struct Labelling {
    pub(crate) settings: Settings,
    /// With the thresholds that were accepted for it, where the database was asked.
    pub(crate) bundle: Bundle,
    /// Some where it was asked.
    pub(crate) database: Option<(Database, Answers)>,
}

impl Labelling {
    fn without_database(config: Option<&Path>) -> anyhow::Result<Self> {
        let settings = settings(config)?;
        let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
        Ok(Self {
            settings,
            bundle,
            database: None,
        })
    }
}

impl From<Site> for Labelling {
    fn from(site: Site) -> Self {
        Self {
            settings: site.settings,
            bundle: site.bundle,
            database: Some((site.database, site.answers)),
        }
    }
}

/// Whether a table that tells every score is held against the site all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskDatabase {
    Always,
    WhereScoresLack,
}

/// From a table, whose studies without a score are looked up in the database, or without one from what readers said.
pub(crate) async fn read_labels(
    config: Option<&Path>,
    table: Option<&Path>,
    installation: &Installation,
    ask: AskDatabase,
) -> anyhow::Result<(Labelling, LabelledSet)> {
    let Some(path) = table else {
        let site = Site::open(config, installation).await?;
        let set = LabelledSet::of_readers(&site.answers).await;
        let set = set.context("failed to read the feedback")?;
        return Ok((site.into(), set));
    };
    let Table { rows, repeated } = table::read(path)?;
    if repeated > 0 {
        tell(&format!(
            "{repeated} rows are the same as one above, and each counts as a study of its own: name the studies in a column `study`, or leave \
             copies out"
        ));
    }
    let are_told = rows.iter().all(LabelledRow::has_score);
    let studies = rows.into_iter().map(LabelledRow::into_study).collect();
    if are_told && ask == AskDatabase::WhereScoresLack {
        let labelling = Labelling::without_database(config)?;
        tell_whose_scores(&labelling.bundle);
        return Ok((labelling, LabelledSet::of_table(studies)));
    }
    let site = Site::open(config, installation).await?;
    if are_told {
        tell_whose_scores(&site.bundle);
    }
    let set = if are_told {
        LabelledSet::of_table(studies)
    } else {
        let set = LabelledSet::of_names(&site.answers, studies).await;
        set.context("failed to look the studies up in the database")?
    };
    Ok((site.into(), set))
}

/// A table does not tell which bundle gave its scores.
fn tell_whose_scores(bundle: &Bundle) {
    let reference = bundle.installed();
    tell(&format!(
        "the scores are taken as the table tells them: they have to be those of {} {}, on whose thresholds they are held; of another bundle's \
         answers nothing here holds",
        reference.name, reference.version
    ));
}
