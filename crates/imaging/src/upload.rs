//! What an upload holds: every file of it, looked at by its first bytes, archives opened within the limits.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use crate::blob::Blob;
use crate::dicom_header::{InstanceHeader, read_dicom_header};
use crate::error::{ImagingError, LimitKind};
use crate::folder_listing::list_folder;
use crate::last_bytes::LastBytes;
use crate::limits::{Limits, Spent, within};
use crate::nifti_header::{NiftiHeaderError, looks_like_nifti, read_nifti_header};
use crate::other_archives::{SEPARATE_BYTES, other_archive, separate_archive};
use crate::other_images::other_image;
use crate::unreadable_note::read_unreadable_note;
use crate::zip_directory::{ARCHIVE_TAIL_BYTES, ZipBytes, ends_as_archive, may_end_as_archive};
use crate::zip_entries::{MemberProblem, list_zip_members};

const SNIFF_BYTES: u64 = 512;
/// The media directory (PS3.3 annex F) lists instances and is none.
const MEDIA_DIRECTORY_CLASS: &str = "1.2.840.10008.1.3.10";

/// A file of the upload.
#[derive(Debug, Clone)]
pub(crate) struct UploadedFile {
    /// Its path inside the upload.
    pub(crate) location: String,
    /// Files of one scope may belong to one study: a folder, or one of the archives in it.
    pub(crate) scope: u32,
    pub(crate) blob: Blob,
    nesting: u32,
}

/// An image file of the upload.
#[derive(Debug, Clone)]
pub(crate) enum ImageFile {
    Dicom(Box<InstanceHeader>),
    Nifti,
}

/// A file that was meant to be an image or an archive and cannot be read.
pub struct RejectedFile {
    /// Its path inside the upload, for mass-run rows only.
    pub location: String,
    pub error: ImagingError,
    /// Whether it lies in an archive, among files that may belong together.
    pub is_in_archive: bool,
    pub(crate) scope: u32,
}

impl RejectedFile {
    fn new(file: UploadedFile, error: ImagingError) -> Self {
        Self {
            is_in_archive: file.nesting > 0,
            scope: file.scope,
            location: file.location,
            error,
        }
    }
}

/// Without the location, which comes from the upload and must not reach a log.
impl fmt::Debug for RejectedFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RejectedFile")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) images: Vec<(UploadedFile, ImageFile)>,
    pub(crate) rejected: Vec<RejectedFile>,
    /// Files that could not be read when a study was extracted, by scope.
    pub(crate) noted_unreadable: Vec<(u32, usize)>,
    /// Media directories, by scope.
    pub(crate) media_directories: Vec<u32>,
    /// Pictures and volumes that are not read, by scope.
    pub(crate) other_images: Vec<(u32, &'static str)>,
    /// All files, those that are no images included.
    pub(crate) files: usize,
}

impl Contents {
    /// Why a scope without images has none.
    pub(crate) fn no_images(&self, scope: u32, files: usize) -> ImagingError {
        if self.media_directories.contains(&scope) {
            return ImagingError::OnlyMediaDirectory;
        }
        let other = self.other_images.iter().find(|(of, _)| *of == scope);
        other.map_or(ImagingError::NoImagesFound { files }, |(_, what)| {
            ImagingError::OtherFormat(what)
        })
    }
}

enum Recognised {
    Image(ImageFile, Blob),
    /// A zip archive of so many bytes in an open file.
    Archive(Arc<File>, Blob),
    /// The note of an extracted study.
    UnreadableNote(usize),
    MediaDirectory,
    /// A picture or a volume that is not read.
    Other(&'static str),
    Junk,
}

/// Looks at every file of `upload`: a folder, an archive or a single file.
pub(crate) fn read_contents(upload: &Path, limits: &Limits) -> Result<Contents, ImagingError> {
    let metadata = fs::metadata(upload)?;
    let is_folder = metadata.is_dir();
    let mut level = if is_folder {
        let files = list_folder(upload, limits)?.into_iter();
        files
            .map(|file| UploadedFile {
                location: file.location,
                scope: 0,
                blob: Blob::path(file.path, file.size),
                nesting: 0,
            })
            .collect()
    } else {
        vec![UploadedFile {
            location: String::new(),
            scope: 0,
            blob: Blob::path(upload.to_owned(), metadata.len()),
            nesting: 0,
        }]
    };
    if level.iter().all(|file| file.blob.size() == 0) {
        return Err(ImagingError::EmptyUpload);
    }
    let mut contents = Contents::default();
    let mut scopes = Scopes::new(metadata.len());
    while !level.is_empty() {
        contents.files += level.len();
        scopes.count(&level);
        let recognised: Vec<_> = level
            .into_par_iter()
            .map(|file| {
                // In a folder each file stands for itself.
                let own = Spent::of(file.blob.size());
                let spent = if is_folder && file.scope == 0 {
                    &own
                } else {
                    scopes.spent(file.scope)
                };
                let result = recognise(&file, limits, spent);
                (file, result)
            })
            .collect();
        level = Vec::new();
        for (file, result) in recognised {
            let result = result.and_then(|recognised| match recognised {
                Recognised::Image(image, blob) => {
                    contents
                        .images
                        .push((UploadedFile { blob, ..file.clone() }, image));
                    Ok(())
                }
                Recognised::Archive(opened, archive) => {
                    contents.files -= 1;
                    let scope = scopes.enter(&file, is_folder);
                    open_archive(
                        &file,
                        scope,
                        &opened,
                        &archive,
                        limits,
                        scopes.spent(scope),
                        &mut level,
                        &mut contents,
                    )
                }
                Recognised::UnreadableNote(count) => {
                    contents.noted_unreadable.push((file.scope, count));
                    Ok(())
                }
                Recognised::Other(what)
                    if is_folder && file.scope == 0 && promises_an_image(&file.location) =>
                {
                    Err(ImagingError::OtherFormat(what))
                }
                Recognised::Junk | Recognised::MediaDirectory
                    if is_folder && file.scope == 0 && promises_an_image(&file.location) =>
                {
                    Err(ImagingError::NoImagesFound { files: 1 })
                }
                Recognised::MediaDirectory => {
                    contents.media_directories.push(file.scope);
                    Ok(())
                }
                Recognised::Other(what) => {
                    contents.other_images.push((file.scope, what));
                    Ok(())
                }
                Recognised::Junk => Ok(()),
            });
            if let Err(error) = result {
                // A limit ends the whole upload: what has been spent cannot be given back. In a folder each
                // archive stands for itself.
                let ends_all = matches!(
                    error,
                    ImagingError::ArchiveLimitExceeded { .. } | ImagingError::Io(_)
                );
                if !is_folder && (ends_all || file.location.is_empty()) {
                    return Err(error);
                }
                contents.rejected.push(RejectedFile::new(file, error));
            }
        }
    }
    scopes.reject_barren(&mut contents);
    Ok(contents)
}

/// Whether a name says that the file is an archive or an image. In a folder of many, one that is neither is told
/// apart from what merely lies there.
fn promises_an_image(location: &str) -> bool {
    let extension = Path::new(location).extension().unwrap_or_default();
    ["zip", "gz", "dcm", "nii"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

/// The scopes of an upload, each with what it has spent.
struct Scopes {
    spent: Vec<Spent>,
    files: Vec<usize>,
    /// The archives of a folder, each with its scope.
    archives: Vec<(u32, UploadedFile)>,
}

impl Scopes {
    fn new(received: u64) -> Self {
        Self {
            spent: vec![Spent::of(received)],
            files: vec![0],
            archives: Vec::new(),
        }
    }

    /// The scope of the files in an archive: its own where the archive lies in a folder.
    fn enter(&mut self, archive: &UploadedFile, is_folder: bool) -> u32 {
        if is_folder && archive.scope == 0 {
            self.spent.push(Spent::of(archive.blob.size()));
            self.files.push(0);
            let scope = u32::try_from(self.spent.len() - 1).unwrap_or(u32::MAX);
            self.archives.push((scope, archive.clone()));
            scope
        } else {
            archive.scope
        }
    }

    fn count(&mut self, files: &[UploadedFile]) {
        for file in files {
            self.files[file.scope as usize] += 1;
        }
    }

    fn spent(&self, scope: u32) -> &Spent {
        &self.spent[scope as usize]
    }

    /// Adds the archives of a folder that hold neither an image nor anything that was rejected: they too are told.
    fn reject_barren(self, contents: &mut Contents) {
        let images = contents.images.iter().map(|(file, _)| file.scope);
        let told: HashSet<u32> = images
            .chain(contents.rejected.iter().map(|file| file.scope))
            .collect();
        let rejected: HashSet<String> = contents
            .rejected
            .iter()
            .map(|file| file.location.clone())
            .collect();
        for (scope, archive) in self.archives {
            if !told.contains(&scope) && !rejected.contains(&archive.location) {
                let file = UploadedFile { scope, ..archive };
                let files = self.files[scope as usize];
                let error = contents.no_images(scope, files);
                contents.rejected.push(RejectedFile::new(file, error));
            }
        }
    }
}

#[allow(
    clippy::too_many_arguments,
    reason = "one step of read_contents, split off for its length"
)]
fn open_archive(
    file: &UploadedFile,
    scope: u32,
    opened: &Arc<File>,
    archive: &Blob,
    limits: &Limits,
    spent: &Spent,
    level: &mut Vec<UploadedFile>,
    contents: &mut Contents,
) -> Result<(), ImagingError> {
    let nesting = file.nesting + 1;
    within(
        LimitKind::ArchiveNesting,
        u64::from(nesting),
        u64::from(limits.archive_nesting),
    )?;
    let start = archive.region_start().unwrap_or(0);
    let members = list_zip_members(opened, start, archive.size(), limits, spent)?;
    if members
        .iter()
        .any(|member| member.blob.as_ref().err() == Some(&MemberProblem::Encrypted))
    {
        return Err(ImagingError::EncryptedArchive);
    }
    if members.is_empty() && file.nesting == 0 {
        return Err(ImagingError::EmptyUpload);
    }
    for member in members {
        let location = if file.location.is_empty() {
            member.name
        } else {
            format!("{}/{}", file.location, member.name)
        };
        match member.blob {
            Ok(blob) => level.push(UploadedFile {
                location,
                scope,
                blob: blob.inside(archive),
                nesting,
            }),
            Err(problem) => contents.rejected.push(RejectedFile {
                location,
                error: problem.into(),
                is_in_archive: true,
                scope,
            }),
        }
    }
    Ok(())
}

/// Tells by its first bytes what a file is, and reads the header of an image.
fn recognise(file: &UploadedFile, limits: &Limits, spent: &Spent) -> Result<Recognised, ImagingError> {
    let start = file.blob.prefix(SNIFF_BYTES)?;
    if starts_as_archive(&start) {
        // Its size was counted with those of its archive.
        let (opened, blob) = file.blob.as_open_file(limits, None)?;
        return Ok(Recognised::Archive(opened, blob));
    }
    if start.starts_with(&[0x1F, 0x8B]) {
        return recognise_gzip(&file.blob, limits, spent);
    }
    if let Some(count) = read_unreadable_note(&start) {
        return Ok(Recognised::UnreadableNote(count));
    }
    if let Some(what) = other_archive(&start) {
        return Err(not_read(what));
    }
    let recognised = recognise_image(file.blob.clone(), &start, limits, spent)?;
    // In an archive most files that are no image are small texts and programs, which deflate well.
    let may_hold_archive =
        file.nesting == 0 || promises_an_image(&file.location) || file.blob.is_hardly_compressed();
    if matches!(recognised, Recognised::Junk) && may_hold_archive {
        let mut last = LastBytes::of(ARCHIVE_TAIL_BYTES);
        file.blob.read_last(&mut last, limits)?;
        let behind = recognise_archive_behind(&file.blob, &last, limits)?;
        if matches!(behind, Recognised::Junk)
            && file.nesting == 0
            && let Some(what) = separate_archive(&file.blob.prefix(SEPARATE_BYTES)?, last.as_slice())
        {
            return Err(not_read(what));
        }
        return Ok(or_other(behind, &start));
    }
    Ok(or_other(recognised, &start))
}

/// What is no image that is read may be another one.
fn or_other(recognised: Recognised, start: &[u8]) -> Recognised {
    match (recognised, other_image(start)) {
        (Recognised::Junk, Some(what)) => Recognised::Other(what),
        (recognised, _) => recognised,
    }
}

fn not_read(what: &str) -> ImagingError {
    ImagingError::UnreadableArchive(format!("{what} is not read, zip is"))
}

fn starts_as_archive(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

/// An archive may have bytes before it: a program that unpacks it, or a head that a portal wrote. `last` are the last
/// bytes of the blob, so that only what may end as an archive is unpacked.
fn recognise_archive_behind(
    blob: &Blob,
    last: &LastBytes,
    limits: &Limits,
) -> Result<Recognised, ImagingError> {
    if !may_end_as_archive(last.as_slice()) {
        return Ok(Recognised::Junk);
    }
    let (opened, blob) = blob.as_open_file(limits, None)?;
    let zip = ZipBytes {
        file: &opened,
        start: blob.region_start().unwrap_or(0),
        length: blob.size(),
    };
    Ok(if ends_as_archive(&zip)? {
        Recognised::Archive(opened, blob)
    } else {
        Recognised::Junk
    })
}

fn recognise_image(
    blob: Blob,
    start: &[u8],
    limits: &Limits,
    spent: &Spent,
) -> Result<Recognised, ImagingError> {
    if looks_like_nifti(start) {
        read_nifti_header(start).map_err(|NiftiHeaderError(what)| ImagingError::UnreadableNifti(what))?;
        return Ok(Recognised::Image(ImageFile::Nifti, blob));
    }
    Ok(match read_dicom_header(&blob, limits, spent)? {
        Some(header) if header.sop_class == MEDIA_DIRECTORY_CLASS => Recognised::MediaDirectory,
        Some(header) if header.study.is_none() && header.pixels.is_none() => {
            return Err(ImagingError::UnreadableDicom(
                "it names no study and holds no image",
            ));
        }
        Some(header) => Recognised::Image(ImageFile::Dicom(Box::new(header)), blob),
        None => Recognised::Junk,
    })
}

/// A gzip file holds a NIfTI volume, a DICOM file or a zip archive.
fn recognise_gzip(compressed: &Blob, limits: &Limits, spent: &Spent) -> Result<Recognised, ImagingError> {
    // Nothing says beforehand what it unpacks to: what others have unpacked to must leave something.
    spent.add_uncompressed(0, limits)?;
    let unpacked = Blob::gzip(compressed.clone(), limits.uncompressed_bytes);
    let start = unpacked.prefix(SNIFF_BYTES)?;
    if looks_like_nifti(&start) {
        return recognise_image(unpacked, &start, limits, spent);
    }
    if starts_as_archive(&start) {
        let (opened, blob) = unpacked.as_open_file(limits, Some(spent))?;
        return Ok(Recognised::Archive(opened, blob));
    }
    if let Some(what) = other_archive(&start) {
        return Err(not_read(what));
    }
    if start.starts_with(&[0x1F, 0x8B]) {
        return Err(ImagingError::UnreadableArchive("gzip in gzip is not read".into()));
    }
    // The lengths in a DICOM file are held against the bytes there: so these are counted first.
    let mut last = LastBytes::of(ARCHIVE_TAIL_BYTES);
    let size = unpacked.measure(&mut last, limits, spent)?;
    let unpacked = Blob::gzip(compressed.clone(), size);
    Ok(match recognise_image(unpacked.clone(), &start, limits, spent)? {
        Recognised::Junk => or_other(recognise_archive_behind(&unpacked, &last, limits)?, &start),
        recognised => recognised,
    })
}
