//! NIfTI-1: everything that a person could have written, emptied (nifti1.h).

use std::ops::Range;

/// data_type and db_name, descrip and aux_file, intent_name.
const TEXTS: [Range<usize>; 3] = [4..32, 148..252, 328..344];
const HEADER_BYTES: usize = 348;
/// The flag after the header that says whether extensions follow.
const EXTENSION_FLAG: Range<usize> = 348..352;
const VOXEL_OFFSET: Range<usize> = 108..112;

/// Empties the texts of a header and what lies between it and the voxels. None where there is no header.
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
    if offset.is_finite() && offset > HEADER_BYTES as f32 {
        let voxels = (offset as usize).min(file.len());
        file[EXTENSION_FLAG.start.min(voxels)..voxels].fill(0);
    }
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_extensions_go_and_voxels_stay() {
        let mut file = vec![b'x'; 400];
        file[..4].copy_from_slice(&348_i32.to_le_bytes());
        file[VOXEL_OFFSET].copy_from_slice(&384_f32.to_le_bytes());
        let clean = deidentify_nifti(file).unwrap();
        assert!(clean[148..252].iter().all(|byte| *byte == 0));
        assert!(clean[348..384].iter().all(|byte| *byte == 0));
        assert!(clean[384..].iter().all(|byte| *byte == b'x'));
        assert_eq!(clean[40], b'x', "dimensions stay");
        assert!(deidentify_nifti(vec![0; 40]).is_none());
    }
}
