//! Frames in encapsulated pixel data (PS3.5 annex A.4).

use std::ops::Range;

use norma_dicom_elements::{ElementHeader, Encoding, ITEM, SEQUENCE_DELIMITER};

use crate::error::ImagingError;

/// Where the compressed bytes of each frame lie; a frame may be spread over fragments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EncapsulatedFrames {
    frames: Vec<Vec<Range<usize>>>,
}

impl EncapsulatedFrames {
    /// Finds the frames in `data`, whose pixel data start at `offset` with the offset table.
    pub(crate) fn locate(data: &[u8], offset: usize, number_of_frames: usize) -> Result<Self, ImagingError> {
        let (table, fragments) = read_fragments(data, offset)?;
        let frames = if fragments.len() == number_of_frames {
            fragments.into_iter().map(|fragment| vec![fragment]).collect()
        } else if number_of_frames == 1 {
            vec![fragments]
        } else {
            split_by_table(&table, &fragments, number_of_frames)
                .or_else(|| split_by_codestream(data, &fragments, number_of_frames))
                .ok_or_else(|| {
                    ImagingError::UndecodablePixels("the fragments cannot be told apart into frames".into())
                })?
        };
        Ok(Self { frames })
    }

    /// The compressed bytes of a frame, joined where they are spread.
    pub(crate) fn frame<'data>(
        &self,
        data: &'data [u8],
        frame: usize,
    ) -> Result<std::borrow::Cow<'data, [u8]>, ImagingError> {
        let fragments = self
            .frames
            .get(frame)
            .filter(|fragments| !fragments.is_empty())
            .ok_or_else(|| ImagingError::UndecodablePixels("a frame is missing".into()))?;
        Ok(match fragments.as_slice() {
            [single] => data[single.clone()].into(),
            several => several
                .iter()
                .flat_map(|range| &data[range.clone()])
                .copied()
                .collect::<Vec<u8>>()
                .into(),
        })
    }
}

/// The offset table and the ranges of the fragments after it.
fn read_fragments(data: &[u8], offset: usize) -> Result<(Vec<u32>, Vec<Range<usize>>), ImagingError> {
    let mut position = offset;
    let mut items: Vec<Range<usize>> = Vec::new();
    // Files without the closing delimiter are met; one that ends within a fragment is not whole.
    while let Some((header, _)) = data.get(position..).and_then(<[u8]>::split_first_chunk::<8>) {
        let item = ElementHeader::of_item(Encoding::EXPLICIT_LITTLE, *header);
        let length = item.length as usize;
        position += 8;
        match item.tag {
            ITEM => {
                let available = data.len() - position;
                if length > available {
                    return Err(ImagingError::LyingLength {
                        what: "a fragment of the pixel data",
                        claimed: length as u64,
                        available: available as u64,
                    });
                }
                items.push(position..position + length);
                position += length;
            }
            SEQUENCE_DELIMITER => break,
            // No delimiter, and something else behind the last fragment: the fragments are whole all the same.
            _ if items.len() > 1 => break,
            _ => {
                return Err(ImagingError::UndecodablePixels(
                    "the pixel data are not in fragments".into(),
                ));
            }
        }
    }
    let mut items = items.into_iter();
    let table = items
        .next()
        .map(|range| &data[range])
        .unwrap_or_default()
        .chunks_exact(4)
        .map(|entry| u32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]))
        .collect();
    Ok((table, items.collect()))
}

/// By the basic offset table: offsets of the frames' first items from the first fragment's item on.
fn split_by_table(
    table: &[u32],
    fragments: &[Range<usize>],
    number_of_frames: usize,
) -> Option<Vec<Vec<Range<usize>>>> {
    if table.len() != number_of_frames {
        return None;
    }
    let first = fragments.first()?.start;
    let mut frames: Vec<Vec<Range<usize>>> = Vec::with_capacity(number_of_frames);
    let mut starts = table.iter().peekable();
    for fragment in fragments {
        let offset = fragment.start - first;
        if starts.peek().is_some_and(|start| **start as usize == offset) {
            starts.next();
            frames.push(Vec::new());
        }
        frames.last_mut()?.push(fragment.clone());
    }
    (frames.len() == number_of_frames).then_some(frames)
}

/// Without a table: a frame starts where a fragment starts like a JPEG or JPEG 2000 codestream.
fn split_by_codestream(
    data: &[u8],
    fragments: &[Range<usize>],
    number_of_frames: usize,
) -> Option<Vec<Vec<Range<usize>>>> {
    let mut frames: Vec<Vec<Range<usize>>> = Vec::new();
    for fragment in fragments {
        let bytes = &data[fragment.clone()];
        if bytes.starts_with(&[0xFF, 0xD8]) || bytes.starts_with(&[0xFF, 0x4F, 0xFF, 0x51]) {
            frames.push(Vec::new());
        }
        frames.last_mut()?.push(fragment.clone());
    }
    (frames.len() == number_of_frames).then_some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        [&[0xFE, 0xFF, 0x00, 0xE0], &length[..], bytes].concat()
    }

    #[test]
    fn fragments_become_frames() {
        let end = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];
        let one_each = [item(&[]), item(b"ab"), item(b"cd"), end.to_vec()].concat();
        let frames = EncapsulatedFrames::locate(&one_each, 0, 2).unwrap();
        assert_eq!(&*frames.frame(&one_each, 1).unwrap(), b"cd");
        let joined = EncapsulatedFrames::locate(&one_each, 0, 1).unwrap();
        assert_eq!(&*joined.frame(&one_each, 0).unwrap(), b"abcd");
        assert!(joined.frame(&one_each, 1).is_err());

        let table = [0u32.to_le_bytes(), 20u32.to_le_bytes()].concat();
        let by_table = [item(&table), item(b"ab"), item(b"cd"), item(b"ef"), end.to_vec()].concat();
        let frames = EncapsulatedFrames::locate(&by_table, 0, 2).unwrap();
        assert_eq!(&*frames.frame(&by_table, 0).unwrap(), b"abcd");
        assert_eq!(&*frames.frame(&by_table, 1).unwrap(), b"ef");

        let starts = [item(&[]), item(b"\xFF\xD8a"), item(b"b"), item(b"\xFF\xD8c")].concat();
        let frames = EncapsulatedFrames::locate(&starts, 0, 2).unwrap();
        assert_eq!(&*frames.frame(&starts, 0).unwrap(), b"\xFF\xD8ab");
    }

    #[test]
    fn a_fragment_longer_than_the_file_is_a_lie() {
        let mut data = [item(&[]), item(b"abcd")].concat();
        data.truncate(data.len() - 1);
        assert!(matches!(
            EncapsulatedFrames::locate(&data, 0, 1),
            Err(ImagingError::LyingLength {
                claimed: 4,
                available: 3,
                ..
            })
        ));
        assert!(EncapsulatedFrames::locate(b"not fragments", 0, 1).is_err());
        assert!(EncapsulatedFrames::locate(&[], 0, 2).is_err());
    }
}
