//! NIfTI-1: everything that a person could have written, emptied (nifti1.h).

use std::ops::Range;

/// data_type, db_name and two fields that nobody uses; descrip and aux_file; intent_name.
const TEXTS: [Range<usize>; 3] = [4..38, 148..252, 328..344];
const DIMENSIONS: Range<usize> = 40..56;
const BITS_PER_VOXEL: Range<usize> = 72..74;
const HEADER_BYTES: usize = 348;
/// The flag after the header that says whether extensions follow.
const EXTENSION_FLAG: Range<usize> = 348..352;
const VOXEL_OFFSET: Range<usize> = 108..112;

/// Empties the texts of a header and what lies between it and the voxels, and drops what lies behind them. None where
/// there is no header, or fewer voxels than it states.
pub(crate) fn deidentify_nifti(mut file: Vec<u8>) -> Option<Vec<u8>> {
    if file.len() < HEADER_BYTES {
        return None;
    }
    let big_endian = file[..4] == 348_i32.to_be_bytes();
    for range in TEXTS {
        file[range].fill(0);
    }
    let offset = file[VOXEL_OFFSET].first_chunk::<4>().copied()?;
    let offset = if big_endian {
        f32::from_be_bytes(offset)
    } else {
        f32::from_le_bytes(offset)
    };
    let start = if offset.is_finite() && offset > HEADER_BYTES as f32 {
        offset as usize
    } else {
        HEADER_BYTES + EXTENSION_FLAG.len()
    };
    let end = start.checked_add(voxel_bytes(&file, big_endian)?)?;
    if end > file.len() {
        return None;
    }
    file[EXTENSION_FLAG.start..start].fill(0);
    file.truncate(end);
    Some(file)
}

/// The bytes of all voxels by dim and bitpix.
fn voxel_bytes(file: &[u8], big_endian: bool) -> Option<usize> {
    let short = |at: usize| {
        let raw = [file[at], file[at + 1]];
        if big_endian {
            u16::from_be_bytes(raw)
        } else {
            u16::from_le_bytes(raw)
        }
    };
    let count = usize::from(short(DIMENSIONS.start)).min(7);
    let voxels = (1..=count).try_fold(1usize, |product, axis| {
        product.checked_mul(usize::from(short(DIMENSIONS.start + 2 * axis)).max(1))
    })?;
    let bits = voxels.checked_mul(usize::from(short(BITS_PER_VOXEL.start)))?;
    Some(bits.div_ceil(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_extensions_go_and_voxels_stay() {
        let mut file = vec![b'x'; 420];
        file[..4].copy_from_slice(&348_i32.to_le_bytes());
        // Two by two by two voxels of 16 bits.
        for (axis, count) in [3u16, 2, 2, 2].into_iter().enumerate() {
            file[40 + 2 * axis..42 + 2 * axis].copy_from_slice(&count.to_le_bytes());
        }
        file[BITS_PER_VOXEL].copy_from_slice(&16_u16.to_le_bytes());
        file[VOXEL_OFFSET].copy_from_slice(&384_f32.to_le_bytes());
        let clean = deidentify_nifti(file).unwrap();
        assert!(clean[148..252].iter().all(|byte| *byte == 0));
        assert!(clean[348..384].iter().all(|byte| *byte == 0));
        assert!(clean[384..].iter().all(|byte| *byte == b'x'));
        assert_eq!(clean.len(), 384 + 16, "what lies behind the voxels goes");
        assert_eq!(clean[76], b'x', "sizes stay");
        assert!(deidentify_nifti(vec![0; 40]).is_none());
    }
}
