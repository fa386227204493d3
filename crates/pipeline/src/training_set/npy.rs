use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ndarray::ArrayView2;
use norma_volume::PREPARED_SIZE;

use super::error::{TrainingSetError, write_error};

/// Magic (6), version (2), header length (2), header: together a multiple of 64, with room for any count.
const PREAMBLE_BYTES: usize = 128;

/// Writes planes of uint8, `(n, 224, 224)` in C order, as they come (NumPy's `numpy.lib.format`, version 1.0).
/// The count stands in the header, which is written again at the end; a file that was not finished has no planes.
#[derive(Debug)]
pub(super) struct PlaneWriter {
    path: PathBuf,
    file: BufWriter<File>,
    count: usize,
}

impl PlaneWriter {
    pub(super) fn create(path: &Path) -> Result<Self, TrainingSetError> {
        let created = || -> io::Result<_> {
            let mut file = BufWriter::new(File::create(path)?);
            file.write_all(&preamble(0))?;
            Ok(file)
        };
        let file = created().map_err(|source| write_error(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            count: 0,
        })
    }

    /// Appends a plane and returns its row.
    pub(super) fn push(&mut self, plane: &ArrayView2<'_, u8>) -> Result<usize, TrainingSetError> {
        debug_assert_eq!(plane.dim(), (PREPARED_SIZE, PREPARED_SIZE));
        let bytes: Vec<u8> = plane.iter().copied().collect();
        self.file
            .write_all(&bytes)
            .map_err(|source| write_error(&self.path, source))?;
        self.count += 1;
        Ok(self.count - 1)
    }

    pub(super) fn finish(mut self) -> Result<usize, TrainingSetError> {
        let mut finish = || -> io::Result<()> {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(&preamble(self.count))?;
            self.file.flush()
        };
        finish().map_err(|source| write_error(&self.path, source))?;
        Ok(self.count)
    }
}

fn preamble(count: usize) -> Vec<u8> {
    let mut header = format!(
        "{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, {PREPARED_SIZE}, {PREPARED_SIZE}), }}"
    );
    let header_bytes = PREAMBLE_BYTES - 10;
    header.push_str(&" ".repeat(header_bytes - 1 - header.len()));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header_bytes as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn the_header_tells_the_count_in_a_fixed_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("planes.npy");
        let mut writer = PlaneWriter::create(&path).unwrap();
        for value in [3, 5] {
            writer
                .push(&Array2::from_elem((PREPARED_SIZE, PREPARED_SIZE), value).view())
                .unwrap();
        }
        assert_eq!(writer.finish().unwrap(), 2);
        let bytes = std::fs::read(&path).unwrap();
        let header = String::from_utf8_lossy(&bytes[10..PREAMBLE_BYTES]);
        assert!(
            header.contains("'shape': (2, 224, 224)") && header.ends_with(" \n"),
            "{header}"
        );
        assert_eq!(
            usize::from(u16::from_le_bytes([bytes[8], bytes[9]])),
            PREAMBLE_BYTES - 10
        );
        assert_eq!(bytes.len(), PREAMBLE_BYTES + 2 * PREPARED_SIZE * PREPARED_SIZE);
        assert_eq!((bytes[PREAMBLE_BYTES], bytes[bytes.len() - 1]), (3, 5));
    }
}
