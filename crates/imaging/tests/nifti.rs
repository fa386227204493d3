//! NIfTI volumes: every orientation lands on the same grid.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

mod support;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use norma_domain::ReasonCode;
use norma_imaging::{ImagingError, Limits, LoadedSeries, list_studies, load_chest_series};

use support::archives::{Upload, zip_of};

/// The volume that all files hold: `(z, y, x)` = `(4, 5, 6)`, x to the left, y to the back, z to the head.
const SHAPE: [usize; 3] = [4, 5, 6];

fn hounsfield(z: usize, y: usize, x: usize) -> i16 {
    (z * 300 + y * 30 + x * 3) as i16 - 900
}

/// How a file lays the volume out: for its axes i, j, k the patient axis (0 x, 1 y, 2 z) and whether it runs against it.
#[derive(Debug, Clone, Copy)]
struct Layout {
    axes: [usize; 3],
    reversed: [bool; 3],
    uses_qform: bool,
    datatype: i16,
    big_endian: bool,
}

const SPACING_XYZ: [f64; 3] = [0.75, 0.75, 2.0];
const ORIGIN_LPS: [f64; 3] = [-10.0, -20.0, -30.0];
const PLAIN: Layout = Layout {
    axes: [0, 1, 2],
    reversed: [false; 3],
    uses_qform: false,
    datatype: 4,
    big_endian: false,
};

fn nifti(layout: Layout) -> Vec<u8> {
    let counts = layout.axes.map(|axis| SHAPE[2 - axis]);
    let mut header = vec![0u8; 352];
    let mut put = |offset: usize, bytes: &[u8]| {
        let bytes: Vec<u8> = if layout.big_endian {
            bytes.iter().rev().copied().collect()
        } else {
            bytes.to_vec()
        };
        header[offset..offset + bytes.len()].copy_from_slice(&bytes);
    };
    put(0, &348i32.to_le_bytes());
    put(40, &3i16.to_le_bytes());
    for (index, count) in counts.iter().enumerate() {
        put(42 + index * 2, &(*count as i16).to_le_bytes());
        put(
            80 + index * 4,
            &(SPACING_XYZ[layout.axes[index]] as f32).to_le_bytes(),
        );
    }
    put(48, &1i16.to_le_bytes());
    let sample_bytes: i16 = match layout.datatype {
        4 | 512 => 2,
        8 | 16 => 4,
        64 => 8,
        _ => 1,
    };
    put(70, &layout.datatype.to_le_bytes());
    put(72, &(sample_bytes * 8).to_le_bytes());
    put(108, &352f32.to_le_bytes());
    // Stored = (HU + 1024) / 2 for 16-bit unsigned, HU itself otherwise.
    if layout.datatype == 512 {
        put(112, &2f32.to_le_bytes());
        put(116, &(-1024f32).to_le_bytes());
    }
    // Columns in LPS, then RAS by the sign of x and y.
    let signs = [-1.0, -1.0, 1.0];
    let mut affine = [[0f64; 4]; 3];
    let mut first = ORIGIN_LPS;
    for (column, (axis, reversed)) in layout.axes.into_iter().zip(layout.reversed).enumerate() {
        let step = if reversed {
            -SPACING_XYZ[axis]
        } else {
            SPACING_XYZ[axis]
        };
        affine[axis][column] = step * signs[axis];
        if reversed {
            first[axis] += SPACING_XYZ[axis] * (SHAPE[2 - axis] - 1) as f64;
        }
    }
    for axis in 0..3 {
        affine[axis][3] = first[axis] * signs[axis];
    }
    if layout.uses_qform {
        // x and y reversed against RAS: a half turn about z, quaternion (0, 0, 0, 1).
        assert_eq!((layout.axes, layout.reversed), (PLAIN.axes, PLAIN.reversed));
        put(76, &1f32.to_le_bytes());
        put(252, &1i16.to_le_bytes());
        put(264, &1f32.to_le_bytes());
        for (axis, row) in affine.iter().enumerate() {
            put(268 + axis * 4, &(row[3] as f32).to_le_bytes());
        }
    } else {
        put(254, &1i16.to_le_bytes());
        for (row, values) in affine.iter().enumerate() {
            for (column, value) in values.iter().enumerate() {
                put(280 + row * 16 + column * 4, &(*value as f32).to_le_bytes());
            }
        }
    }
    header[344..348].copy_from_slice(b"n+1\0");
    let mut index = [0usize; 3];
    for k in 0..counts[2] {
        for j in 0..counts[1] {
            for i in 0..counts[0] {
                for (position, (axis, reversed)) in [i, j, k]
                    .into_iter()
                    .zip(layout.axes.into_iter().zip(layout.reversed))
                {
                    index[axis] = if reversed {
                        SHAPE[2 - axis] - 1 - position
                    } else {
                        position
                    };
                }
                let [x, y, z] = index;
                let value = hounsfield(z, y, x);
                let mut bytes = match layout.datatype {
                    4 => value.to_le_bytes().to_vec(),
                    512 => (((value + 1024) / 2) as u16).to_le_bytes().to_vec(),
                    8 => i32::from(value).to_le_bytes().to_vec(),
                    16 => f32::from(value).to_le_bytes().to_vec(),
                    64 => f64::from(value).to_le_bytes().to_vec(),
                    other => panic!("{other}"),
                };
                if layout.big_endian {
                    bytes.reverse();
                }
                header.extend(bytes);
            }
        }
    }
    header
}

fn load(bytes: &[u8]) -> Result<LoadedSeries, ImagingError> {
    let upload = Upload::file(bytes);
    let studies = list_studies(&upload.path, &Limits::default())?;
    assert_eq!(studies[0].study_instance_uid(), None);
    load_chest_series(&studies[0], &Limits::default())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn assert_volume(series: &LoadedSeries, tolerance: i16, layout: Layout) {
    let geometry = &series.volume.geometry;
    assert_eq!(geometry.shape, SHAPE, "{layout:?}");
    assert_eq!(
        geometry.direction,
        [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
        "{layout:?}"
    );
    assert_eq!(geometry.spacing_mm.zyx(), [2.0, 0.75, 0.75]);
    assert_eq!(geometry.origin_mm, ORIGIN_LPS);
    for ((z, y, x), value) in series.volume.hounsfield.indexed_iter() {
        assert!(
            (value - hounsfield(z, y, x)).abs() <= tolerance,
            "{layout:?} at {z} {y} {x}: {value}"
        );
    }
    assert!(series.acquisition.is_axial && series.acquisition.gantry_tilt_degrees < 1e-6);
    assert_eq!(series.study.source_format, "NIfTI");
}

#[test]
fn every_orientation_gives_the_same_volume() {
    for axes in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for bits in 0..8 {
            let reversed = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
            let layout = Layout {
                axes,
                reversed,
                ..PLAIN
            };
            assert_volume(&load(&nifti(layout)).unwrap(), 0, layout);
        }
    }
}

#[test]
fn every_sample_type_and_byte_order() {
    for datatype in [4, 8, 16, 64, 512] {
        for big_endian in [false, true] {
            let layout = Layout {
                datatype,
                big_endian,
                ..PLAIN
            };
            assert_volume(&load(&nifti(layout)).unwrap(), i16::from(datatype == 512), layout);
        }
    }
    let layout = Layout {
        uses_qform: true,
        ..PLAIN
    };
    assert_volume(&load(&nifti(layout)).unwrap(), 0, layout);
}

#[test]
fn lengths_are_in_the_unit_that_the_header_names() {
    let plain = nifti(PLAIN);
    for (unit, factor) in [(0u8, 1.0), (2, 1.0), (2 | 8, 1.0), (3, 1000.0), (1, 0.001)] {
        let mut changed = plain.clone();
        changed[123] = unit;
        for row in 0..3 {
            for column in 0..4 {
                let at = 280 + row * 16 + column * 4;
                let value = f32::from_le_bytes(changed[at..at + 4].try_into().unwrap());
                changed[at..at + 4].copy_from_slice(&(value * factor).to_le_bytes());
            }
        }
        let spacing = load(&changed).unwrap().volume.geometry.spacing_mm.zyx();
        for (got, expected) in spacing.into_iter().zip([2.0, 0.75, 0.75]) {
            assert!((got - expected).abs() < 1e-4, "{unit}: {spacing:?}");
        }
    }
    // Metres and micrometres that are said to be millimetres.
    for factor in [0.001f32, 1000.0] {
        let mut wrong = plain.clone();
        for at in (280..328).step_by(4) {
            let value = f32::from_le_bytes(wrong[at..at + 4].try_into().unwrap());
            wrong[at..at + 4].copy_from_slice(&(value * factor).to_le_bytes());
        }
        assert_eq!(code(&wrong), ReasonCode::UnreadableNifti, "{factor}");
    }
    let mut unknown = plain;
    unknown[123] = 5;
    assert_eq!(code(&unknown), ReasonCode::UnreadableNifti);
}

#[test]
fn compressed_and_in_an_archive() {
    let packed = gzip(&nifti(PLAIN));
    assert_volume(&load(&packed).unwrap(), 0, PLAIN);
    assert_volume(
        &load(&zip_of(&[("a/volume.nii.gz".into(), packed)])).unwrap(),
        0,
        PLAIN,
    );
    assert_volume(
        &load(&zip_of(&[("a/volume.nii".into(), nifti(PLAIN))])).unwrap(),
        0,
        PLAIN,
    );
}

fn code(bytes: &[u8]) -> ReasonCode {
    load(bytes).unwrap_err().reason().code
}

#[test]
fn lies_of_the_header_are_refused() {
    let plain = nifti(PLAIN);
    assert_eq!(code(&plain[..plain.len() - 1]), ReasonCode::LyingLength);
    assert_eq!(
        code(&gzip(&plain[..plain.len() - 1])),
        ReasonCode::UnreadableNifti
    );
    let packed = gzip(&plain);
    assert_eq!(code(&packed[..packed.len() - 12]), ReasonCode::UnreadableNifti);
    let with = |offset: usize, bytes: &[u8]| {
        let mut changed = plain.clone();
        changed[offset..offset + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let huge = with(42, &[0x00, 0x7F, 0x00, 0x7F, 0x00, 0x7F]);
    assert_eq!(code(&huge), ReasonCode::VolumeTooLarge);
    assert_eq!(code(&gzip(&huge)), ReasonCode::VolumeTooLarge);
    // 500 million voxels, which the limits allow, in a file of some hundred bytes.
    let large = with(42, &[0x20, 0x03, 0x20, 0x03, 0x20, 0x03]);
    assert_eq!(code(&gzip(&large)), ReasonCode::LyingLength);
    for (offset, bytes) in [
        (42, &[0u8, 0][..]),                 // no voxels along i
        (40, &[4, 0]),                       // four dimensions…
        (254, &[0, 0]),                      // no orientation
        (70, &[128, 0]),                     // colour
        (108, &f32::NAN.to_le_bytes()),      // no offset
        (280, &f32::INFINITY.to_le_bytes()), // no finite affine
        (344, b"ni1\0"),                     // voxels elsewhere
    ] {
        let mut changed = with(offset, bytes);
        if offset == 40 {
            changed[48..50].copy_from_slice(&[9, 0]); // …and nine volumes
        }
        assert_eq!(code(&changed), ReasonCode::UnreadableNifti, "{offset}");
    }
    let mut second = vec![0u8; 600];
    second[..8].copy_from_slice(&[28, 2, 0, 0, b'n', b'+', b'2', 0]);
    assert_eq!(code(&second), ReasonCode::UnreadableNifti);
}

#[test]
fn two_affines_that_contradict_each_other_are_refused() {
    let both = |change: &dyn Fn(&mut [u8])| {
        let mut bytes = nifti(Layout {
            uses_qform: true,
            ..PLAIN
        });
        // The sform that says the same.
        bytes[254..256].copy_from_slice(&1i16.to_le_bytes());
        let rows: [[f32; 4]; 3] = [
            [-0.75, 0.0, 0.0, 10.0],
            [0.0, -0.75, 0.0, 20.0],
            [0.0, 0.0, 2.0, -30.0],
        ];
        for (index, value) in rows.iter().flatten().enumerate() {
            bytes[280 + 4 * index..284 + 4 * index].copy_from_slice(&value.to_le_bytes());
        }
        change(&mut bytes);
        load(&bytes)
    };
    let put =
        |bytes: &mut [u8], at: usize, value: f32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    assert!(both(&|_| ()).is_ok());
    assert!(
        both(&|bytes| put(bytes, 280 + 24, 0.4)).is_ok(),
        "sheared by a tilted gantry"
    );
    for (name, change) in [
        (
            "left and right",
            &(|bytes: &mut [u8]| put(bytes, 280, 0.75)) as &dyn Fn(&mut [u8]),
        ),
        ("head and feet", &|bytes| put(bytes, 280 + 40, -2.0)),
        ("the size", &|bytes| put(bytes, 84, 1.5)),
    ] {
        let error = both(change).unwrap_err();
        assert_eq!(error.reason().code, ReasonCode::UnreadableNifti, "{name}");
        assert!(error.to_string().contains("contradict"), "{error}");
    }
}

#[test]
fn a_slice_of_no_numbers_is_a_lost_slice() {
    let floats = Layout {
        datatype: 16,
        ..PLAIN
    };
    let slice_bytes = SHAPE[1] * SHAPE[2] * 4;
    let without = |slices: &[usize]| {
        let mut bytes = nifti(floats);
        for slice in slices {
            let start = 352 + slice * slice_bytes;
            for value in bytes[start..start + slice_bytes].chunks_exact_mut(4) {
                value.copy_from_slice(&f32::NAN.to_le_bytes());
            }
        }
        load(&bytes).unwrap()
    };
    let heights = |series: &LoadedSeries| -> Vec<f64> {
        series
            .slices
            .iter()
            .filter_map(|slice| slice.table_position_mm)
            .collect()
    };
    let gap = without(&[1]);
    assert_eq!(heights(&gap), [-30.0, -26.0, -24.0]);
    assert_eq!(
        (gap.acquisition.damaged_slices, gap.acquisition.missing_slices),
        (1, 1)
    );
    assert_eq!(gap.acquisition.largest_gap_mm, 4.0);
    assert_eq!(gap.volume.hounsfield[[1, 0, 0]], hounsfield(2, 0, 0));
    // At an end it is what the volume was padded with.
    let padded = without(&[0, 3]);
    assert_eq!(heights(&padded), [-28.0, -26.0]);
    assert_eq!(
        (
            padded.acquisition.damaged_slices,
            padded.acquisition.missing_slices
        ),
        (0, 0)
    );
}

#[test]
fn a_slope_that_is_too_steep_makes_no_hounsfield_units() {
    let with = |slope: f32, intercept: f32| {
        let mut bytes = nifti(PLAIN);
        // A file of which a half is air with its noise, a quarter lung, a quarter tissue.
        for (index, sample) in bytes[352..].chunks_exact_mut(2).enumerate() {
            let noise = (index * 7 % 41) as i16 - 20;
            let level = [-1000, -850, -1000, 45][index % 4] + noise;
            sample.copy_from_slice(&level.to_le_bytes());
        }
        bytes[112..116].copy_from_slice(&slope.to_le_bytes());
        bytes[116..120].copy_from_slice(&intercept.to_le_bytes());
        load(&bytes).unwrap().acquisition.has_hounsfield
    };
    assert!(with(1.0, 0.0));
    for (slope, intercept) in [(2.0, 0.0), (3.0, 0.0), (1.0, -1024.0), (0.5, 0.0), (1.0, 1024.0)] {
        assert!(!with(slope, intercept), "{slope} {intercept}");
    }
}
