//! A study of an upload written out alone.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::blob::Blob;
use crate::error::ImagingError;
use crate::limits::Limits;
use crate::study::{StudyContent, StudySource};

/// Writes the files of a study to a new zip archive at `out`. Its entries are numbered; names of the upload
/// are not taken over.
pub fn extract_study(study: &StudySource, out: &Path) -> Result<(), ImagingError> {
    let limits = Limits::default();
    let mut archive = ZipWriter::new(BufWriter::new(File::create(out)?));
    let mut add = |number: usize, extension: &str, blob: &Blob, is_compressed: bool| {
        let method = if is_compressed {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .large_file(blob.size() > u64::from(u32::MAX / 2));
        archive
            .start_file(format!("{number:06}.{extension}"), options)
            .map_err(write_error)?;
        if extension == "nii" {
            blob.copy_bounded(&mut archive, &limits)?;
        } else {
            archive.write_all(&blob.read_all(&limits)?)?;
        }
        Ok::<(), ImagingError>(())
    };
    match &study.content {
        StudyContent::Dicom(instances) => {
            for (index, instance) in instances.iter().enumerate() {
                let is_compressed = instance
                    .header
                    .pixels
                    .is_some_and(|pixels| pixels.length.is_none());
                add(index + 1, "dcm", &instance.blob, is_compressed)?;
            }
        }
        StudyContent::Nifti(blob) => add(1, "nii", blob, false)?,
    }
    archive.finish().map_err(write_error)?.flush()?;
    Ok(())
}

fn write_error(error: zip::result::ZipError) -> ImagingError {
    match error {
        zip::result::ZipError::Io(error) => error.into(),
        other => std::io::Error::other(other.to_string()).into(),
    }
}
