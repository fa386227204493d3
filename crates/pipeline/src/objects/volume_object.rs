//! The volume for the viewer: u32 LE header length, a JSON header, then one zstd frame per slice of int16 LE HU in
//! row-major order. A slice is served by a ranged get of its frame. Volumes without a `coding` hold gzip members.

use std::io::{Read, Seek, SeekFrom, Write};

use flate2::read::GzDecoder;
use ndarray::{Array2, ArrayRef2, Axis};
use norma_domain::VolumeGeometry;
use norma_volume::Volume;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use zstd::bulk::Compressor;

use super::framed::{MOST_BODY_BYTES, MOST_HEADER_BYTES, ObjectError, decode_body};

/// Slices compressed at once: bounds the memory above the volume itself.
const CHUNK: usize = 32;
/// Room for one slice's extent in the header.
const EXTENT_BYTES: usize = 64;
const GEOMETRY_BYTES: usize = 2048;
/// Of zstd. Few volumes are ever looked at: on the pixels of a CT, 3 takes twice the time and saves a tenth.
const LEVEL: i32 = 1;

/// What the volume object begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VolumeHeader {
    pub geometry: VolumeGeometry,
    /// Of every slice.
    #[serde(default)]
    pub coding: SliceCoding,
    /// One per slice, ascending along z.
    pub slices: Vec<SliceExtent>,
}

/// How slices are compressed; the names are those of HTTP's content codings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SliceCoding {
    #[default]
    Gzip,
    Zstd,
}

/// Where a compressed slice lies in the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceExtent {
    /// Bytes from the beginning of the object.
    pub offset: u64,
    pub length: u64,
}

impl VolumeHeader {
    /// How many bytes of the object hold the header, told by its first four bytes.
    pub fn length(first: [u8; 4]) -> Result<usize, ObjectError> {
        let length = u32::from_le_bytes(first) as usize;
        if length <= MOST_HEADER_BYTES {
            Ok(4 + length)
        } else {
            Err(ObjectError::Inconsistent(format!("a header of {length} bytes")))
        }
    }

    /// Reads the header of an object's first bytes; needs [`VolumeHeader::length`] of them.
    pub fn parse(bytes: &[u8]) -> Result<Self, ObjectError> {
        let first = bytes
            .first_chunk::<4>()
            .ok_or(ObjectError::EndsEarly("no header length"))?;
        let header = bytes
            .get(4..Self::length(*first)?)
            .ok_or(ObjectError::EndsEarly("within the header"))?;
        let header: Self = serde_json::from_slice(header).map_err(ObjectError::Header)?;
        if header.slices.len() != header.geometry.shape[0] {
            return Err(ObjectError::Inconsistent(format!(
                "{} slices for a volume of {}",
                header.slices.len(),
                header.geometry.shape[0]
            )));
        }
        Ok(header)
    }
}

/// Writes the volume object from where `out` stands, which is taken for the object's beginning.
pub fn write_volume(volume: &Volume, out: &mut (impl Write + Seek)) -> Result<VolumeHeader, ObjectError> {
    let count = volume.hounsfield.len_of(Axis(0));
    let header_bytes = GEOMETRY_BYTES + EXTENT_BYTES * count;
    let beginning = out.stream_position()?;
    out.write_all(&vec![b' '; 4 + header_bytes])?;

    let mut slices = Vec::with_capacity(count);
    let mut offset = (4 + header_bytes) as u64;
    for chunk in (0..count).collect::<Vec<_>>().chunks(CHUNK) {
        let members: Vec<Vec<u8>> = chunk
            .par_iter()
            .map_init(
                || Compressor::new(LEVEL),
                |compressor, slice| match compressor {
                    Ok(compressor) => compress(compressor, &volume.hounsfield.index_axis(Axis(0), *slice)),
                    Err(error) => Err(std::io::Error::new(error.kind(), error.to_string())),
                },
            )
            .collect::<Result<_, _>>()?;
        for member in members {
            out.write_all(&member)?;
            let length = member.len() as u64;
            slices.push(SliceExtent { offset, length });
            offset += length;
        }
    }

    let header = VolumeHeader {
        geometry: volume.geometry.clone(),
        coding: SliceCoding::Zstd,
        slices,
    };
    let mut json = serde_json::to_vec(&header).map_err(ObjectError::Header)?;
    if json.len() > header_bytes {
        return Err(ObjectError::Inconsistent(format!(
            "a header of {} bytes for {count} slices",
            json.len()
        )));
    }
    // JSON may end with blanks, so the room that was left is the header's.
    json.resize(header_bytes, b' ');
    let length = u32::try_from(header_bytes)
        .map_err(|_| ObjectError::Inconsistent(format!("a header of {header_bytes} bytes")))?;
    out.seek(SeekFrom::Start(beginning))?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&json)?;
    out.seek(SeekFrom::Start(beginning + offset))?;
    Ok(header)
}

fn compress(compressor: &mut Compressor<'_>, slice: &ArrayRef2<i16>) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; 2 * slice.len()];
    let (pairs, _) = bytes.as_chunks_mut::<2>();
    match slice.as_slice() {
        Some(values) => fill(pairs, values),
        None => fill(pairs, slice),
    }
    compressor.compress(&bytes)
}

fn fill<'values>(pairs: &mut [[u8; 2]], values: impl IntoIterator<Item = &'values i16>) {
    for (pair, value) in pairs.iter_mut().zip(values) {
        *pair = value.to_le_bytes();
    }
}

impl VolumeHeader {
    /// The int16 LE values of one compressed slice, row by row.
    ///
    /// # Errors
    /// Where they are damaged, or more or fewer than the geometry says.
    pub fn slice_bytes(&self, compressed: &[u8]) -> Result<Vec<u8>, ObjectError> {
        let [_, rows, columns] = self.geometry.shape;
        let expected = rows
            .checked_mul(columns)
            .and_then(|count| count.checked_mul(2))
            .filter(|&expected| expected <= MOST_BODY_BYTES)
            .ok_or_else(|| ObjectError::Inconsistent(format!("a slice of {rows} × {columns}")))?;
        if self.coding == SliceCoding::Zstd {
            return decode_body(compressed, Some(expected));
        }
        let mut bytes = Vec::with_capacity(expected + 1);
        // One byte more is allowed, so that a slice that is too long shows.
        GzDecoder::new(compressed)
            .take(expected as u64 + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() == expected {
            Ok(bytes)
        } else {
            Err(ObjectError::Inconsistent(format!(
                "{} bytes for a slice of {rows} × {columns}",
                bytes.len()
            )))
        }
    }

    /// The Hounsfield units `(rows, columns)` of one compressed slice.
    ///
    /// # Errors
    /// As of [`VolumeHeader::slice_bytes`].
    pub fn slice_values(&self, compressed: &[u8]) -> Result<Array2<i16>, ObjectError> {
        let [_, rows, columns] = self.geometry.shape;
        let bytes = self.slice_bytes(compressed)?;
        let values = bytes
            .chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        Array2::from_shape_vec((rows, columns), values)
            .map_err(|error| ObjectError::Inconsistent(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use ndarray::Array3;
    use norma_domain::SpacingMm;

    use super::*;

    fn volume(slices: usize) -> Volume {
        let hounsfield = Array3::from_shape_fn((slices, 20, 30), |(z, y, x)| {
            (z as i16 * 7 - 1000).wrapping_add((y * 30 + x) as i16)
        });
        Volume {
            hounsfield,
            geometry: VolumeGeometry {
                slice_places_mm: None,
                shape: [slices, 20, 30],
                spacing_mm: SpacingMm::new(2.0, 0.7, 0.7).unwrap(),
                origin_mm: [-0.1, 1.0 / 3.0, 12_345.678_901_234_5],
                direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
            },
        }
    }

    #[test]
    fn every_slice_is_read_back_by_its_extent() {
        for slices in [1, 33, 70] {
            let volume = volume(slices);
            let mut object = Cursor::new(Vec::new());
            let written = write_volume(&volume, &mut object).unwrap();
            let bytes = object.into_inner();
            let header = VolumeHeader::parse(&bytes).unwrap();
            assert_eq!(header, written);
            assert_eq!(header.geometry, volume.geometry);
            for (z, extent) in header.slices.iter().enumerate() {
                let member = &bytes[extent.offset as usize..(extent.offset + extent.length) as usize];
                let slice = header.slice_values(member).unwrap();
                assert_eq!(slice, volume.hounsfield.index_axis(Axis(0), z));
            }
            let last = header.slices.last().unwrap();
            assert_eq!(last.offset + last.length, bytes.len() as u64);
        }
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        let mut object = Cursor::new(Vec::new());
        let header = write_volume(&volume(2), &mut object).unwrap();
        let bytes = object.into_inner();
        let end = VolumeHeader::length(*bytes.first_chunk().unwrap()).unwrap();
        for length in 0..end {
            assert!(VolumeHeader::parse(&bytes[..length]).is_err());
        }
        assert!(VolumeHeader::length(u32::MAX.to_le_bytes()).is_err());
        let extent = header.slices[0];
        let member = &bytes[extent.offset as usize..(extent.offset + extent.length) as usize];
        let of_shape = |rows: usize, columns: usize| {
            let mut header = header.clone();
            header.geometry.shape = [2, rows, columns];
            header
        };
        assert!(of_shape(20, 30).slice_values(member).is_ok());
        assert!(of_shape(20, 31).slice_values(member).is_err());
        assert!(of_shape(20, 29).slice_values(member).is_err());
        assert!(header.slice_values(&member[..10]).is_err());
        assert!(of_shape(usize::MAX, 3).slice_values(member).is_err());
        assert!(of_shape(1 << 30, 1 << 30).slice_values(member).is_err());
    }

    /// As earlier versions left them.
    #[test]
    fn a_volume_of_gzip_members_is_read() {
        let volume = volume(1);
        let values: Vec<u8> = volume
            .hounsfield
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&values).unwrap();
        let member = encoder.finish().unwrap();
        let json = serde_json::json!({"geometry": volume.geometry, "slices": [{"offset": 0, "length": member.len()}]});
        let json = json.to_string();
        let mut object = (json.len() as u32).to_le_bytes().to_vec();
        object.extend(json.as_bytes());
        let header = VolumeHeader::parse(&object).unwrap();
        assert_eq!(header.coding, SliceCoding::Gzip);
        assert_eq!(
            header.slice_values(&member).unwrap(),
            volume.hounsfield.index_axis(Axis(0), 0)
        );
    }
}
