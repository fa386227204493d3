//! Objects that belong to nothing are set aside before they are deleted: below a prefix with the day, so that a person who
//! finds a mistake can take them back.

use chrono::NaiveDate;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use crate::{ObjectError, ObjectKey, Objects};

const PREFIX: &str = "set-aside";

/// An object that was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetAside {
    /// Where it lay.
    pub key: ObjectKey,
    pub since: NaiveDate,
}

impl SetAside {
    fn path(self) -> Path {
        Path::from(format!("{PREFIX}/{}/{}", self.since, self.key))
    }

    fn from_path(path: &Path) -> Option<Self> {
        let rest = path.as_ref().strip_prefix(PREFIX)?.strip_prefix('/')?;
        let (day, key) = rest.split_once('/')?;
        Some(Self {
            key: ObjectKey::from_path(&Path::from(key))?,
            since: day.parse().ok()?,
        })
    }
}

impl Objects {
    /// Moves an object aside. What is not there is aside already.
    pub async fn set_aside(&self, key: ObjectKey, today: NaiveDate) -> Result<(), ObjectError> {
        let aside = SetAside { key, since: today };
        self.move_path(&key.path(), &aside.path()).await
    }

    /// Moves an object back to where it lay.
    pub async fn take_back(&self, aside: SetAside) -> Result<(), ObjectError> {
        self.move_path(&aside.path(), &aside.key.path()).await
    }

    /// Everything that was set aside.
    pub fn list_set_aside(&self) -> BoxStream<'static, Result<SetAside, ObjectError>> {
        self.store
            .list(Some(&Path::from(PREFIX)))
            .map_err(ObjectError::from)
            .try_filter_map(async |meta| Ok(SetAside::from_path(&meta.location)))
            .boxed()
    }

    /// Deletes an object that was set aside.
    pub async fn delete_set_aside(&self, aside: SetAside) -> Result<(), ObjectError> {
        self.delete_path(&aside.path()).await
    }

    async fn move_path(&self, from: &Path, to: &Path) -> Result<(), ObjectError> {
        match self.store.rename(from, to).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
