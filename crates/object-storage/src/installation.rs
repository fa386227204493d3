//! The installation that a storage belongs to: its id lies in it, and in its database.

use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};

use crate::{ObjectError, Objects};

const PLACE: &str = "installation/id";
/// An id is a UUID; whatever is longer is none.
const MOST_BYTES: usize = 100;

impl Objects {
    /// The id of the installation; None in a storage that has none yet.
    pub async fn installation(&self) -> Result<Option<String>, ObjectError> {
        let found = match self.store.get(&Path::from(PLACE)).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let text = String::from_utf8_lossy(&found[..found.len().min(MOST_BYTES)]);
        Ok(Some(text.trim().to_owned()))
    }

    /// Writes the id of the installation, in the place of the one that is there.
    pub async fn set_installation(&self, id: &str) -> Result<(), ObjectError> {
        let payload = PutPayload::from(format!("{id}\n"));
        self.store.put(&Path::from(PLACE), payload).await?;
        Ok(())
    }
}
