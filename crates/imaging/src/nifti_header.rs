//! The header of a NIfTI-1 file: size, type and orientation of its volume.

use std::io::Cursor;

use nifti::{NiftiHeader, NiftiType};

pub(crate) const NIFTI_HEADER_BYTES: usize = 348;

/// Two affines of one file agree where their axes point the same way up to the shear of a tilted gantry…
const LEAST_COMMON_DIRECTION: f64 = 0.7;
/// …which makes the slice axis longer too.
const LARGEST_LENGTH_DIFFERENCE: f64 = 0.2;

/// Why a header is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NiftiHeaderError(pub(crate) &'static str);

/// What is needed of the header.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NiftiVolumeHeader {
    /// Number of voxels along the file's own axes, the fastest first.
    pub(crate) shape: [usize; 3],
    pub(crate) sample: SampleType,
    pub(crate) big_endian: bool,
    /// Where the voxels start.
    pub(crate) offset: u64,
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
    /// From voxel indices to millimetres in RAS, the last column being the centre of the first voxel.
    pub(crate) affine: [[f64; 4]; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SampleType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    F64,
}

impl SampleType {
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// Whether a file starts like NIfTI-1 or -2, in one file or as the header of a pair.
pub(crate) fn looks_like_nifti(start: &[u8]) -> bool {
    let size = start.first_chunk::<4>().copied().unwrap_or_default();
    match (i32::from_le_bytes(size), i32::from_be_bytes(size)) {
        (348, _) | (_, 348) => matches!(start.get(344..348), Some(b"n+1\0" | b"ni1\0")),
        (540, _) | (_, 540) => matches!(start.get(4..7), Some(b"n+2" | b"ni2")),
        _ => false,
    }
}

/// Reads the header at the start of a file.
pub(crate) fn read_nifti_header(start: &[u8]) -> Result<NiftiVolumeHeader, NiftiHeaderError> {
    let size = start.first_chunk::<4>().copied().unwrap_or_default();
    if i32::from_le_bytes(size) == 540 || i32::from_be_bytes(size) == 540 {
        return Err(NiftiHeaderError("NIfTI-2 is not read, NIfTI-1 is"));
    }
    if start.get(344..348) == Some(b"ni1\0") {
        return Err(NiftiHeaderError("its voxels lie in another file"));
    }
    let bytes = start
        .get(..NIFTI_HEADER_BYTES)
        .ok_or(NiftiHeaderError("it is shorter than its header"))?;
    let header = NiftiHeader::from_reader(Cursor::new(bytes))
        .map_err(|_| NiftiHeaderError("its header is damaged"))?;
    let dimensions = usize::from(header.dim[0]);
    if !(3..=7).contains(&dimensions) {
        return Err(NiftiHeaderError("it has not three dimensions"));
    }
    if header.dim[4..=dimensions].iter().any(|count| *count > 1) {
        return Err(NiftiHeaderError("it holds several volumes"));
    }
    let shape = [header.dim[1], header.dim[2], header.dim[3]].map(usize::from);
    if shape.contains(&0) {
        return Err(NiftiHeaderError("one of its dimensions is zero"));
    }
    let offset = f64::from(header.vox_offset);
    if !(offset.is_finite() && (0.0..1e9).contains(&offset)) {
        return Err(NiftiHeaderError("the offset of its voxels is not a length"));
    }
    let slope = f64::from(header.scl_slope);
    let intercept = f64::from(header.scl_inter);
    // A slope of zero means that the values are not scaled.
    let (slope, intercept) = if slope == 0.0 || !slope.is_finite() || !intercept.is_finite() {
        (1.0, 0.0)
    } else {
        (slope, intercept)
    };
    Ok(NiftiVolumeHeader {
        shape,
        sample: sample_type(&header)?,
        big_endian: i32::from_be_bytes(size) == 348,
        offset: (offset as u64).max(NIFTI_HEADER_BYTES as u64 + 4),
        slope,
        intercept,
        affine: affine(&header)?,
    })
}

fn sample_type(header: &NiftiHeader) -> Result<SampleType, NiftiHeaderError> {
    Ok(match header.data_type() {
        Ok(NiftiType::Uint8) => SampleType::U8,
        Ok(NiftiType::Int8) => SampleType::I8,
        Ok(NiftiType::Uint16) => SampleType::U16,
        Ok(NiftiType::Int16) => SampleType::I16,
        Ok(NiftiType::Uint32) => SampleType::U32,
        Ok(NiftiType::Int32) => SampleType::I32,
        Ok(NiftiType::Float32) => SampleType::F32,
        Ok(NiftiType::Float64) => SampleType::F64,
        _ => return Err(NiftiHeaderError("the type of its voxels is not read")),
    })
}

/// The affine of the sform, else of the qform (nifti1.h, methods 3 and 2). Without either the orientation
/// of the patient is not known, and no guess is made.
fn affine(header: &NiftiHeader) -> Result<[[f64; 4]; 3], NiftiHeaderError> {
    let affine = if header.sform_code > 0 {
        let affine = [header.srow_x, header.srow_y, header.srow_z].map(|row| row.map(f64::from));
        if header.qform_code > 0 && contradict(&affine, &quaternion_affine(header)) {
            return Err(NiftiHeaderError(
                "its sform and its qform contradict each other about the sides or the size of the patient",
            ));
        }
        affine
    } else if header.qform_code > 0 {
        quaternion_affine(header)
    } else {
        return Err(NiftiHeaderError("it does not say how the patient lies"));
    };
    if affine.iter().flatten().any(|value| !value.is_finite()) {
        return Err(NiftiHeaderError("its affine is not finite"));
    }
    let unit_mm = millimetres_per_unit(header.xyzt_units)?;
    Ok(affine.map(|row| row.map(|value| value * unit_mm)))
}

/// Whether two affines give an axis another direction or another spacing. A tilted gantry is sheared in the sform and
/// cannot be in the qform. One that is no affine contradicts nothing.
fn contradict(first: &[[f64; 4]; 3], second: &[[f64; 4]; 3]) -> bool {
    let column = |affine: &[[f64; 4]; 3], axis: usize| [0, 1, 2].map(|row| affine[row][axis]);
    let length = |vector: [f64; 3]| vector.iter().map(|part| part * part).sum::<f64>().sqrt();
    let axes = [0, 1, 2].map(|axis| (column(first, axis), column(second, axis)));
    let is_affine = axes.iter().all(|(a, b)| {
        [*a, *b]
            .map(length)
            .iter()
            .all(|length| length.is_finite() && *length > 0.0)
    });
    is_affine
        && axes.iter().any(|(a, b)| {
            let (one, other) = (length(*a), length(*b));
            let along: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            along < LEAST_COMMON_DIRECTION * one * other
                || (one - other).abs() > LARGEST_LENGTH_DIFFERENCE * one
        })
}

/// The spatial unit in the lowest three bits of xyzt_units (nifti1.h). Where it is not said, it is the millimetre
/// that every reader takes.
fn millimetres_per_unit(xyzt_units: u8) -> Result<f64, NiftiHeaderError> {
    match xyzt_units & 7 {
        0 | 2 => Ok(1.0),
        1 => Ok(1000.0),
        3 => Ok(0.001),
        _ => Err(NiftiHeaderError("the unit of its lengths is not known")),
    }
}

fn quaternion_affine(header: &NiftiHeader) -> [[f64; 4]; 3] {
    let [b, c, d] = [header.quatern_b, header.quatern_c, header.quatern_d].map(f64::from);
    let a = (1.0 - b * b - c * c - d * d).max(0.0).sqrt();
    let rotation = [
        [
            a * a + b * b - c * c - d * d,
            2.0 * (b * c - a * d),
            2.0 * (b * d + a * c),
        ],
        [
            2.0 * (b * c + a * d),
            a * a + c * c - b * b - d * d,
            2.0 * (c * d - a * b),
        ],
        [
            2.0 * (b * d - a * c),
            2.0 * (c * d + a * b),
            a * a + d * d - b * b - c * c,
        ],
    ];
    let handedness = if header.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
    let spacing = [
        f64::from(header.pixdim[1]),
        f64::from(header.pixdim[2]),
        f64::from(header.pixdim[3]) * handedness,
    ];
    let offset = [header.quatern_x, header.quatern_y, header.quatern_z].map(f64::from);
    std::array::from_fn(|row| {
        std::array::from_fn(|column| match column {
            3 => offset[row],
            _ => rotation[row][column] * spacing[column],
        })
    })
}
