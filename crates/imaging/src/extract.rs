//! A study of an upload written out alone.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::error::ImagingError;
use crate::limits::Limits;
use crate::study::{StudyContent, StudySource};
use crate::unreadable_note::{UNREADABLE_NOTE_FILE, write_unreadable_note};

/// Writes the files of a study to a new zip archive at `out`. Its entries are numbered; names of the upload
/// are not taken over.
///
/// Files beside the study that could not be read, and those of its own that cannot, are noted in the archive, so
/// that they are counted in [`Acquisition`](crate::Acquisition) when it is loaded.
///
/// # Errors
/// Where no file of the study can be read: that of the first one.
pub fn extract_study(study: &StudySource, out: &Path, limits: &Limits) -> Result<(), ImagingError> {
    let mut archive = ZipWriter::new(BufWriter::new(File::create(out)?));
    let mut unreadable = study.unreadable_files;
    match &study.content {
        StudyContent::Dicom(instances) => {
            let mut first_error = None;
            for (index, instance) in instances.iter().enumerate() {
                match instance.blob.read_all(limits) {
                    Ok(bytes) => {
                        let name = format!("{:06}.dcm", index + 1);
                        start(&mut archive, &name, bytes.len() as u64)?;
                        archive.write_all(&bytes)?;
                    }
                    Err(error) if error.is_retryable() => return Err(error),
                    Err(error) => {
                        unreadable += 1;
                        first_error = first_error.or(Some(error));
                    }
                }
            }
            if unreadable - study.unreadable_files == instances.len() {
                return Err(first_error.unwrap_or(ImagingError::NoImagesFound { files: 0 }));
            }
        }
        StudyContent::Nifti(blob) => {
            start(&mut archive, "000001.nii", blob.size())?;
            blob.copy_bounded(&mut archive, limits)?;
        }
    }
    if unreadable > 0 {
        start(&mut archive, UNREADABLE_NOTE_FILE, 0)?;
        write_unreadable_note(&mut archive, unreadable)?;
    }
    archive.finish().map_err(write_error)?.flush()?;
    Ok(())
}

/// Level of deflate: on the pixels of a CT, 6 takes half as long again and saves a sixtieth of the bytes. Also pixels that
/// are compressed already are packed: what stands beside them, or behind them in a fragment, may be nothing but zeros.
const LEVEL: i64 = 2;

fn start(archive: &mut ZipWriter<BufWriter<File>>, name: &str, bytes: u64) -> Result<(), ImagingError> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .large_file(bytes > u64::from(u32::MAX / 2));
    archive.start_file(name, options).map_err(write_error)
}

fn write_error(error: zip::result::ZipError) -> ImagingError {
    match error {
        zip::result::ZipError::Io(error) => error.into(),
        other => std::io::Error::other(other.to_string()).into(),
    }
}
