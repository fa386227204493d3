//! Where the bytes of a file of the upload lie, without holding them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Arc;

use flate2::Crc;
use flate2::read::{DeflateDecoder, MultiGzDecoder};

use crate::error::{ImagingError, LimitKind};
use crate::last_bytes::LastBytes;
use crate::limits::{Limits, Spent, check_ratio, within};

const READ_BUFFER_BYTES: usize = 64 << 10;

/// A file of the upload: on the disk, or inside an archive on the disk.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    content: Content,
    /// Uncompressed bytes as declared by what holds the blob; what is read is held against it.
    size: u64,
    /// What holds the blob was unpacked itself.
    holder: Option<Unpacked>,
}

/// An archive that was unpacked from fewer bytes.
#[derive(Debug, Clone, Copy)]
struct Unpacked {
    from: u64,
    to: u64,
}

#[derive(Debug, Clone)]
enum Content {
    Path(PathBuf),
    /// A run of bytes of an opened file.
    Region {
        file: Arc<File>,
        offset: u64,
        crc32: Option<u32>,
    },
    /// A deflated member of a zip archive.
    Deflated {
        file: Arc<File>,
        offset: u64,
        compressed: u64,
        crc32: u32,
    },
    Gzip(Arc<Blob>),
}

impl Blob {
    pub(crate) fn path(path: PathBuf, size: u64) -> Self {
        Self {
            content: Content::Path(path),
            size,
            holder: None,
        }
    }

    pub(crate) fn region(file: Arc<File>, offset: u64, size: u64, crc32: Option<u32>) -> Self {
        Self {
            content: Content::Region { file, offset, crc32 },
            size,
            holder: None,
        }
    }

    pub(crate) fn deflated(file: Arc<File>, offset: u64, compressed: u64, size: u64, crc32: u32) -> Self {
        Self {
            content: Content::Deflated {
                file,
                offset,
                compressed,
                crc32,
            },
            size,
            holder: None,
        }
    }

    /// What a gzip file holds; `size` is what unpacking it has measured, or a bound.
    pub(crate) fn gzip(compressed: Blob, size: u64) -> Self {
        Self {
            content: Content::Gzip(Arc::new(compressed)),
            size,
            holder: None,
        }
    }

    /// The blob as a member of `archive`, which may have been unpacked itself.
    pub(crate) fn inside(self, archive: &Self) -> Self {
        Self {
            holder: archive.holder,
            ..self
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether any range can be read by itself: nothing before it must be unpacked, and no checksum over the
    /// whole is there to be held to.
    pub(crate) fn is_random_access(&self) -> bool {
        self.is_plain() && self.crc32().is_none()
    }

    fn is_plain(&self) -> bool {
        matches!(self.content, Content::Path(_) | Content::Region { .. })
    }

    /// Whether deflate made hardly less of it, as of what is an archive itself.
    pub(crate) fn is_hardly_compressed(&self) -> bool {
        self.compressed_size() >= self.size / 10 * 9
    }

    /// The unpacked bytes from the start. Neither the size nor the checksum is checked.
    pub(crate) fn stream(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.content {
            Content::Path(path) => Box::new(File::open(path)?.take(self.size)),
            Content::Region { file, offset, .. } => {
                Box::new(RegionReader::new(file.clone(), *offset, self.size))
            }
            Content::Deflated {
                file,
                offset,
                compressed,
                ..
            } => {
                let region = RegionReader::new(file.clone(), *offset, *compressed);
                Box::new(DeflateDecoder::new_with_buf(region, vec![0; READ_BUFFER_BYTES]))
            }
            Content::Gzip(inner) => Box::new(MultiGzDecoder::new(inner.stream()?)),
        })
    }

    /// Up to `length` bytes from the start.
    pub(crate) fn prefix(&self, length: u64) -> Result<Vec<u8>, ImagingError> {
        let wanted = length.min(self.size);
        let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0).min(1 << 20));
        self.stream()?
            .take(wanted)
            .read_to_end(&mut bytes)
            .map_err(|error| self.read_error(error))?;
        Ok(bytes)
    }

    /// All bytes, held against the declared size and the checksum.
    pub(crate) fn read_all(&self, limits: &Limits) -> Result<Vec<u8>, ImagingError> {
        within(LimitKind::FileBytes, self.size, limits.file_bytes)?;
        // The declared size of a compressed blob is a claim: let the buffer grow with what really comes.
        let capacity = if self.is_plain() {
            self.size
        } else {
            self.size.min(8 << 20)
        };
        let mut bytes = Vec::with_capacity(usize::try_from(capacity).unwrap_or(0));
        self.stream()?
            .take(self.size.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| self.read_error(error))?;
        if bytes.len() as u64 != self.size {
            return Err(ImagingError::LyingLength {
                what: "a file of the upload",
                claimed: self.size,
                available: bytes.len() as u64,
            });
        }
        if let Some(expected) = self.crc32() {
            let mut crc = Crc::new();
            crc.update(&bytes);
            if crc.sum() != expected {
                return Err(ImagingError::UnreadableArchive(
                    "the checksum of an entry is wrong".into(),
                ));
            }
        }
        Ok(bytes)
    }

    /// A range of the bytes; cheap only with [`Self::is_random_access`].
    pub(crate) fn read_range(&self, offset: u64, length: usize) -> Result<Vec<u8>, ImagingError> {
        let lying = || ImagingError::LyingLength {
            what: "a frame",
            claimed: length as u64,
            available: self.size.saturating_sub(offset),
        };
        if offset
            .checked_add(length as u64)
            .is_none_or(|end| end > self.size)
        {
            return Err(lying());
        }
        let mut bytes = vec![0; length];
        match &self.content {
            Content::Path(path) => File::open(path)?.read_exact_at(&mut bytes, offset)?,
            Content::Region {
                file, offset: start, ..
            } => {
                file.read_exact_at(&mut bytes, start.saturating_add(offset))?;
            }
            Content::Deflated { .. } | Content::Gzip(_) => {
                let mut stream = self.stream()?;
                io::copy(&mut stream.by_ref().take(offset), &mut io::sink())
                    .and_then(|_| stream.read_exact(&mut bytes))
                    .map_err(|error| self.read_error(error))?;
            }
        }
        Ok(bytes)
    }

    /// Where a region starts in its file.
    pub(crate) fn region_start(&self) -> Option<u64> {
        match self.content {
            Content::Region { offset, .. } => Some(offset),
            _ => None,
        }
    }

    /// Offset, length and whether these bytes are deflated, where the blob lies in the file with this device and inode.
    pub(crate) fn run_of_bytes(&self, file: (u64, u64)) -> io::Result<Option<(u64, u64, bool)>> {
        let (metadata, run) = match &self.content {
            Content::Path(path) => (path.metadata()?, (0, self.size, false)),
            Content::Region { file, offset, .. } => (file.metadata()?, (*offset, self.size, false)),
            Content::Deflated {
                file,
                offset,
                compressed,
                ..
            } => (file.metadata()?, (*offset, *compressed, true)),
            Content::Gzip(_) => return Ok(None),
        };
        Ok(((metadata.dev(), metadata.ino()) == file).then_some(run))
    }

    /// The bytes as a region of an open file; what is compressed is unpacked into a temporary one. `spent` counts what
    /// no directory has announced.
    pub(crate) fn as_open_file(
        &self,
        limits: &Limits,
        spent: Option<&Spent>,
    ) -> Result<(Arc<File>, Self), ImagingError> {
        match &self.content {
            Content::Path(path) => {
                let file = Arc::new(File::open(path)?);
                Ok((file.clone(), Self::region(file, 0, self.size, None)))
            }
            Content::Region { file, .. } => Ok((file.clone(), self.clone())),
            Content::Deflated { .. } | Content::Gzip(_) => {
                let (file, size) = self.unpack(limits, spent)?;
                let unpacked = Self {
                    holder: Some(Unpacked {
                        from: self.compressed_size(),
                        to: size,
                    }),
                    ..Self::region(file.clone(), 0, size, None)
                };
                Ok((file, unpacked))
            }
        }
    }

    /// Unpacks into an unnamed temporary file, within what `limits` leave; gives the file and its size.
    fn unpack(&self, limits: &Limits, spent: Option<&Spent>) -> Result<(Arc<File>, u64), ImagingError> {
        let mut file = tempfile::tempfile()?;
        let size = self.copy_counted(&mut file, limits, spent)?;
        Ok((Arc::new(file), size))
    }

    /// Counts the unpacked bytes and keeps the last of them.
    pub(crate) fn measure(
        &self,
        last: &mut LastBytes,
        limits: &Limits,
        spent: &Spent,
    ) -> Result<u64, ImagingError> {
        self.copy_counted(last, limits, Some(spent))
    }

    /// Puts the last bytes into `last`: of what is compressed after unpacking all of it.
    pub(crate) fn read_last(&self, last: &mut LastBytes, limits: &Limits) -> Result<(), ImagingError> {
        if self.is_plain() {
            let count = self.size.min(last.kept() as u64);
            let bytes = self.read_range(self.size - count, usize::try_from(count).unwrap_or(0))?;
            io::Write::write_all(last, &bytes)?;
        } else {
            self.copy_bounded(last, limits)?;
        }
        Ok(())
    }

    /// Copies the unpacked bytes as long as they stay within the limits; gives their number.
    pub(crate) fn copy_bounded(&self, out: &mut dyn io::Write, limits: &Limits) -> Result<u64, ImagingError> {
        self.copy_counted(out, limits, None)
    }

    /// As [`Self::copy_bounded`]; `spent` counts the bytes as they come, also where the copy fails.
    fn copy_counted(
        &self,
        out: &mut dyn io::Write,
        limits: &Limits,
        spent: Option<&Spent>,
    ) -> Result<u64, ImagingError> {
        let compressed = self.compressed_size();
        let mut stream = self.stream()?.take(self.size.saturating_add(1));
        let mut buffer = vec![0; READ_BUFFER_BYTES];
        let mut total: u64 = 0;
        loop {
            let count = match stream.read(&mut buffer) {
                Ok(0) => return Ok(total),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.read_error(error)),
            };
            total += count as u64;
            if total > self.size {
                return Err(ImagingError::LyingLength {
                    what: "an archive entry",
                    claimed: self.size,
                    available: total,
                });
            }
            within(LimitKind::UncompressedBytes, total, limits.uncompressed_bytes)?;
            check_ratio(compressed, total, limits)?;
            if let Some(spent) = spent {
                spent.add_uncompressed(count as u64, limits)?;
            }
            out.write_all(&buffer[..count])?;
        }
    }

    /// Bytes that the blob takes of the upload as it came: its share, where what holds it was unpacked.
    pub(crate) fn compressed_size(&self) -> u64 {
        let bytes = match &self.content {
            Content::Deflated { compressed, .. } => *compressed,
            Content::Gzip(inner) => inner.compressed_size(),
            Content::Path(_) | Content::Region { .. } => self.size,
        };
        self.holder.map_or(bytes, |holder| {
            let share = u128::from(bytes) * u128::from(holder.from) / u128::from(holder.to.max(1));
            u64::try_from(share).unwrap_or(u64::MAX)
        })
    }

    fn crc32(&self) -> Option<u32> {
        match self.content {
            Content::Region { crc32, .. } => crc32,
            Content::Deflated { crc32, .. } => Some(crc32),
            Content::Path(_) | Content::Gzip(_) => None,
        }
    }

    /// An error while unpacking is the upload's fault; one of a plain file is the disk's.
    fn read_error(&self, error: io::Error) -> ImagingError {
        if self.is_plain() {
            return error.into();
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                ImagingError::UnreadableArchive("compressed bytes end early: the file was cut short".into())
            }
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
                ImagingError::UnreadableArchive("compressed bytes are damaged".into())
            }
            _ => error.into(),
        }
    }
}

/// Reads a run of bytes of a shared file. A clone reads on its own.
#[derive(Debug, Clone)]
pub(crate) struct RegionReader {
    file: Arc<File>,
    start: u64,
    length: u64,
    position: u64,
}

impl RegionReader {
    pub(crate) fn new(file: Arc<File>, start: u64, length: u64) -> Self {
        Self {
            file,
            start,
            length,
            position: 0,
        }
    }
}

impl Read for RegionReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let count = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if count == 0 {
            return Ok(0);
        }
        let offset = self
            .start
            .checked_add(self.position)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let read = self.file.read_at(&mut buffer[..count], offset)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for RegionReader {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
