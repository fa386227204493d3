use std::path::PathBuf;

use crate::bundle::BundleFile;
use crate::error::ModelError;

/// The file of a bundle with operating points that a site accepted, parsed.
#[derive(Debug, Clone)]
pub struct AcceptedPoints {
    pub(crate) file: BundleFile,
    /// As it was accepted: a bundle's hash is over its bytes.
    pub(crate) text: String,
}

impl AcceptedPoints {
    /// # Errors
    /// Where the text is no bundle's file.
    pub fn parse(text: String) -> Result<Self, ModelError> {
        let file: BundleFile = serde_yaml_ng::from_str(&text).map_err(|source| ModelError::DoesNotParse {
            path: PathBuf::from("the accepted thresholds"),
            source,
        })?;
        file.check()?;
        Ok(Self { file, text })
    }
}
