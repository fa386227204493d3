use norma_domain::{Segment, SegmentOf, Segmentation, VoxelMask, VoxelRun};
use serde::{Deserialize, Serialize};

use super::framed::{Kind, ObjectError, decode_body, decode_header, encode};

const KIND: Kind = "NRMMSK01";
/// Of a run: the voxels since the end of the one before (or the volume's first), and its own; u32 LE each.
const RUN_BYTES: usize = 8;

#[derive(Serialize, Deserialize)]
struct Header {
    /// Of the volume, `[z, y, x]`; [0, 0, 0] where nothing was segmented.
    shape: [usize; 3],
    segments: Vec<SegmentHeader>,
}

#[derive(Serialize, Deserialize)]
struct SegmentHeader {
    of: SegmentOf,
    runs: usize,
}

/// The segments' bytes, compressed.
pub fn encode_segmentation(segmentation: &Segmentation) -> Result<Vec<u8>, ObjectError> {
    let segments = &segmentation.segments;
    let shape = segments.first().map_or([0; 3], |segment| segment.mask.shape());
    let header = Header {
        shape,
        segments: segments
            .iter()
            .map(|segment| SegmentHeader {
                of: segment.of,
                runs: segment.mask.runs().len(),
            })
            .collect(),
    };
    let mut body = Vec::new();
    for segment in segments {
        if segment.mask.shape() != shape {
            return Err(ObjectError::Inconsistent(
                "segments of different volumes".to_owned(),
            ));
        }
        let mut end = 0;
        for run in segment.mask.runs() {
            body.extend((run.first - end).to_le_bytes());
            body.extend(run.length.to_le_bytes());
            end = run.first + run.length;
        }
    }
    encode(KIND, &header, &[&body])
}

/// Reads what [`encode_segmentation`] wrote.
pub fn decode_segmentation(bytes: &[u8]) -> Result<Segmentation, ObjectError> {
    let (header, body) = decode_header::<Header>(KIND, bytes)?;
    let runs = header
        .segments
        .iter()
        .try_fold(0_usize, |all, segment| all.checked_add(segment.runs));
    let body = decode_body(body, runs.and_then(|runs| runs.checked_mul(RUN_BYTES)))?;
    let mut rest = body.as_slice();
    let mut segments = Vec::new();
    for SegmentHeader { of, runs } in header.segments {
        let (own, others) = rest.split_at(runs * RUN_BYTES);
        rest = others;
        let mask = runs_of(own).map(|runs| VoxelMask::of_runs(header.shape, runs));
        match mask {
            Some(Ok(mask)) if !mask.is_empty() => segments.push(Segment { of, mask }),
            Some(Err(error)) => return Err(ObjectError::Inconsistent(error.to_string())),
            _ => {
                return Err(ObjectError::Inconsistent(
                    "a segment without voxels, or beyond its volume".to_owned(),
                ));
            }
        }
    }
    Ok(Segmentation { segments })
}

/// None where they go beyond what a number holds.
fn runs_of(bytes: &[u8]) -> Option<Vec<VoxelRun>> {
    let number = |bytes: &[u8]| bytes.first_chunk().copied().map(u32::from_le_bytes);
    let mut end = 0_u32;
    bytes
        .chunks_exact(RUN_BYTES)
        .map(|run| {
            let first = end.checked_add(number(run)?)?;
            let length = number(&run[4..])?;
            end = first.checked_add(length)?;
            Some(VoxelRun { first, length })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segmentation() -> Segmentation {
        let mask = |runs: &[(u32, u32)]| {
            let runs = runs.iter().map(|&(first, length)| VoxelRun { first, length });
            VoxelMask::of_runs([2, 3, 4], runs.collect()).unwrap()
        };
        Segmentation {
            segments: vec![
                Segment {
                    of: SegmentOf::LeftLung,
                    mask: mask(&[(0, 4), (4, 2), (22, 2)]),
                },
                Segment {
                    of: SegmentOf::Finding(3),
                    mask: mask(&[(5, 1)]),
                },
            ],
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for segmentation in [segmentation(), Segmentation::default()] {
            let bytes = encode_segmentation(&segmentation).unwrap();
            assert_eq!(decode_segmentation(&bytes).unwrap(), segmentation);
        }
    }

    #[test]
    fn damage_is_an_error() {
        let bytes = encode_segmentation(&segmentation()).unwrap();
        assert!(decode_segmentation(&bytes[..bytes.len() - 3]).is_err());
        assert!(decode_segmentation(b"NRMMAP01").is_err());
        let with = |runs: usize, body: &[u32]| {
            let header = Header {
                shape: [2, 3, 4],
                segments: vec![SegmentHeader {
                    of: SegmentOf::RightLung,
                    runs,
                }],
            };
            let body: Vec<u8> = body.iter().flat_map(|number| number.to_le_bytes()).collect();
            decode_segmentation(&encode(KIND, &header, &[&body]).unwrap())
        };
        assert!(with(1, &[20, 4]).is_ok());
        assert!(with(1, &[20, 5]).is_err());
        assert!(with(0, &[]).is_err());
        assert!(with(2, &[20, 4]).is_err());
        assert!(with(usize::MAX, &[20, 4]).is_err());
        assert!(with(2, &[u32::MAX, 1, u32::MAX, 1]).is_err());
    }
}
