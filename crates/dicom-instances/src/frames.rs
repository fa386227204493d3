use std::io::Write;
use std::path::Path;

use norma_imaging::{ImagingError, Limits, list_studies, study_instances};

/// Writes all frames of the instance in a file to `out`, not compressed, little endian, one after the other; gives their
/// bytes. Bits beside those stored are cleared or repeat the sign. Parses hostile bytes.
///
/// # Errors
/// Where the file is no instance with pixels, and where they cannot be decoded: compressed colour is not.
pub fn decode_frames(file: &Path, out: &Path, limits: &Limits) -> Result<u64, ImagingError> {
    let studies = list_studies(file, limits)?;
    let instance = studies.first().and_then(|study| study_instances(study).next());
    let instance = instance.ok_or(ImagingError::NoImagesFound { files: 1 })?;
    let frames = instance.decoded_frames(limits)?;
    std::fs::File::create(out)?.write_all(&frames)?;
    Ok(frames.len() as u64)
}
