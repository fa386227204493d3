//! A site's labelled studies with the bundle that they are held against, from a table or the database.

mod table;

use std::path::Path;

use anyhow::Context as _;
use norma_database::Database;
use norma_inference::Bundle;
use norma_service::{BundleInUse, Settings};
use norma_site::{Answers, LabelledSet};

pub(crate) use self::table::NAMED_BY_LINE;
use self::table::{LabelledRow, Table};
use super::installation::open;
use super::settings::settings;
use super::terminal::tell;
use crate::command_line::Installation;

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
    /// The scores are a table's, which does not say which bundle gave them.
    pub(crate) scores_are_told: bool,
}

impl Labelling {
    /// What a person has to know who names a table of scores.
    pub(crate) fn whose_scores(&self) -> Option<String> {
        let reference = self.bundle.installed();
        self.scores_are_told.then(|| {
            format!(
                "the scores are taken as the table tells them: they have to be those of {} {}, on whose thresholds they are held; of another \
                 bundle's answers nothing here holds",
                reference.name, reference.version
            )
        })
    }

    fn without_database(config: Option<&Path>) -> anyhow::Result<Self> {
        let settings = settings(config)?;
        let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
        Ok(Self {
            settings,
            bundle,
            database: None,
            scores_are_told: true,
        })
    }
}

impl From<Site> for Labelling {
    fn from(site: Site) -> Self {
        Self {
            settings: site.settings,
            bundle: site.bundle,
            database: Some((site.database, site.answers)),
            scores_are_told: false,
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
        return Ok((labelling, LabelledSet::of_table(studies)));
    }
    let site = Site::open(config, installation).await?;
    let set = if are_told {
        LabelledSet::of_table(studies)
    } else {
        let set = LabelledSet::of_names(&site.answers, studies).await;
        set.context("failed to look the studies up in the database")?
    };
    let labelling = Labelling {
        scores_are_told: are_told,
        ..site.into()
    };
    Ok((labelling, set))
}
