//! Database and object storage belong together: both carry the id of one installation. Beside another database every
//! object of a hospital would belong to nothing.

use futures::TryStreamExt as _;
use norma_database::{Database, DatabaseError};
use norma_domain::ScanId;
use norma_object_storage::{ObjectError, Objects};
use uuid::Uuid;

/// Originals that are looked up where there is no id yet to tell.
const SAMPLE: usize = 100;

/// Why a process must not work with these two.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    #[error(
        "the object storage belongs to another installation ({objects}) than the database ({database}): connect the two \
         that belong together, or say that these do with `norma storage adopt`"
    )]
    Mismatch { objects: String, database: String },
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Objects(#[from] ObjectError),
}

impl InstallationError {
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Mismatch { .. } => false,
            Self::Database(error) => error.is_retryable(),
            Self::Objects(error) => error.is_retryable(),
        }
    }
}

/// Checks that database and object storage carry the same id, and gives both one where neither has any.
///
/// # Errors
/// [`InstallationError::Mismatch`] where the ids differ, where only the storage has one, and where there is none yet but
/// the storage holds originals of which the database knows not one.
pub async fn check_installation(database: &Database, objects: &Objects) -> Result<(), InstallationError> {
    if carry_one_id(database, objects).await? {
        return Ok(());
    }
    if !knows_none_of_the_originals(database, objects).await? {
        return adopt_installation(database, objects).await;
    }
    // Another process that started at the same moment may have given both their id since, and stored the original of a
    // study whose row is still to come: whoever stores has passed here before, so that then both carry it by now.
    if carry_one_id(database, objects).await? {
        return Ok(());
    }
    Err(InstallationError::Mismatch {
        objects: "one without an id, with studies that the database does not know".to_owned(),
        database: name(database.installation().await?),
    })
}

/// False where the storage has no id yet.
async fn carry_one_id(database: &Database, objects: &Objects) -> Result<bool, InstallationError> {
    // In this order: the database has its id first.
    let Some(of_objects) = objects.installation().await? else {
        return Ok(false);
    };
    let of_database = database.installation().await?;
    if of_database.is_some_and(|id| id.to_string() == of_objects) {
        return Ok(true);
    }
    Err(InstallationError::Mismatch {
        objects: of_objects,
        database: name(of_database),
    })
}

fn name(of_database: Option<Uuid>) -> String {
    of_database.map_or_else(|| "a new one".to_owned(), |id| id.to_string())
}

/// Says that database and object storage belong together, whatever they said before.
///
/// # Errors
/// Where one of them fails.
pub async fn adopt_installation(database: &Database, objects: &Objects) -> Result<(), InstallationError> {
    // Several processes may start at once: the database lets one id win.
    let id = database.create_installation(Uuid::now_v7()).await?;
    objects.set_installation(&id.to_string()).await?;
    tracing::info!(installation = %id, "database and object storage belong together");
    Ok(())
}

async fn knows_none_of_the_originals(
    database: &Database,
    objects: &Objects,
) -> Result<bool, InstallationError> {
    let mut sample: Vec<ScanId> = Vec::new();
    let mut stored = objects.stored();
    while let Some(object) = stored.try_next().await? {
        sample.extend(object.key.scan());
        // Originals come first.
        if object.key.scan().is_none() || sample.len() >= SAMPLE {
            break;
        }
    }
    Ok(!sample.is_empty() && database.existing_scans(sample).await?.is_empty())
}
