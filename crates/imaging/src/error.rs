use std::borrow::Cow;

use norma_domain::{Reason, ReasonCode};

/// What a limit of [`crate::Limits`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    ArchiveEntries,
    UncompressedBytes,
    CompressionRatio,
    ArchiveNesting,
    FileBytes,
}

impl LimitKind {
    const fn describe(self) -> &'static str {
        match self {
            Self::ArchiveEntries => "entries",
            Self::UncompressedBytes => "uncompressed bytes",
            Self::CompressionRatio => "times its compressed size",
            Self::ArchiveNesting => "levels of nesting",
            Self::FileBytes => "bytes in one file",
        }
    }
}

/// Why an upload gives no volume. Messages never hold names, paths or values of patient attributes.
///
/// Everything but [`ImagingError::Io`] is the input's fault: trying again changes nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImagingError {
    #[error("the upload holds nothing")]
    EmptyUpload,
    #[error("the archive cannot be read: {0}")]
    UnreadableArchive(String),
    #[error("the archive is encrypted")]
    EncryptedArchive,
    #[error("the archive holds {measured} {}, {limit} are allowed", kind.describe())]
    ArchiveLimitExceeded {
        kind: LimitKind,
        measured: u64,
        limit: u64,
    },
    #[error("none of the {files} files is a DICOM image or a NIfTI volume")]
    NoImagesFound { files: usize },
    #[error("the upload holds {0}; send the original DICOM series, or a NIfTI-1 volume in Hounsfield units")]
    OtherFormat(&'static str),
    #[error(
        "there is a media directory (DICOMDIR) without the images that it lists; send the whole disc or folder as one archive"
    )]
    OnlyMediaDirectory,
    #[error("a DICOM file cannot be read: {0}")]
    UnreadableDicom(&'static str),
    #[error("a NIfTI file cannot be read: {0}")]
    UnreadableNifti(&'static str),
    #[error("the transfer syntax {uid} is not read")]
    UnsupportedTransferSyntax { uid: String },
    #[error("the pixel format is not read: {0}")]
    UnsupportedPixelFormat(String),
    #[error("the pixels cannot be decoded: {0}")]
    UndecodablePixels(String),
    #[error("{what} claims {claimed} bytes where {available} are left")]
    LyingLength {
        what: &'static str,
        claimed: u64,
        available: u64,
    },
    #[error("the series holds {voxels} voxels, {limit} are allowed")]
    VolumeTooLarge { voxels: u64, limit: u64 },
    #[error("a frame is {rows} × {columns} pixels, {limit} are allowed")]
    FrameTooLarge { rows: u64, columns: u64, limit: u64 },
    #[error("the series is inconsistent: {0}")]
    InconsistentSeries(Cow<'static, str>),
    #[error(
        "the series is scattered over {uids} Series Instance UIDs, and {why}; export it again as one series"
    )]
    ScatteredSeries { uids: usize, why: Cow<'static, str> },
    #[error("the study holds images of several patients: {0}; send each patient's study by itself")]
    SeveralPatients(String),
    #[error("the study holds no CT series but {0}")]
    NotCt(String),
    #[error("no CT series of the study is axial: {0}; send the original axial series")]
    NotAxial(String),
    #[error(
        "no series of the study can be read as a chest CT: {0}; send the original axial series with all its attributes"
    )]
    NoChestSeries(String),
    #[error("failed to read the upload from its disk")]
    Io(#[from] std::io::Error),
}

impl ImagingError {
    /// The stable code with a sentence for a person.
    pub fn reason(&self) -> Reason {
        let code = match self {
            Self::EmptyUpload => ReasonCode::EmptyUpload,
            Self::UnreadableArchive(_) => ReasonCode::UnreadableArchive,
            Self::EncryptedArchive => ReasonCode::EncryptedArchive,
            Self::ArchiveLimitExceeded { .. } => ReasonCode::ArchiveLimitExceeded,
            Self::NoImagesFound { .. } | Self::OtherFormat(_) | Self::OnlyMediaDirectory => {
                ReasonCode::NoImagesFound
            }
            Self::UnreadableDicom(_) => ReasonCode::UnreadableDicom,
            Self::UnreadableNifti(_) => ReasonCode::UnreadableNifti,
            Self::UnsupportedTransferSyntax { .. } => ReasonCode::UnsupportedTransferSyntax,
            Self::UnsupportedPixelFormat(_) => ReasonCode::UnsupportedPixelFormat,
            Self::UndecodablePixels(_) => ReasonCode::UndecodablePixels,
            Self::LyingLength { .. } => ReasonCode::LyingLength,
            Self::VolumeTooLarge { .. } | Self::FrameTooLarge { .. } => ReasonCode::VolumeTooLarge,
            Self::InconsistentSeries(_) => ReasonCode::InconsistentSeries,
            Self::ScatteredSeries { .. } => ReasonCode::SeriesScattered,
            Self::SeveralPatients(_) => ReasonCode::SeveralPatients,
            Self::NotCt(_) => ReasonCode::NotCt,
            Self::NotAxial(_) => ReasonCode::NotAxial,
            Self::NoChestSeries(_) => ReasonCode::NoChestSeries,
            Self::Io(_) => ReasonCode::Internal,
        };
        Reason::new(code, self.to_string())
    }

    /// Whether the same upload may be read at another try: only where this machine's disk failed.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Io(_))
    }
}
