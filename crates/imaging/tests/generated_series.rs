//! Series made for the test: each property of a series by itself.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

mod support;

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use norma_domain::ReasonCode;
use norma_imaging::{ImagingError, Limits, LoadedSeries, list_studies, load_chest_series};

use support::archives::{Upload, numbered, zip_of};
use support::dicom_files::{
    BIG_ENDIAN, COLUMNS, ROWS, Slice, put_fragments, put_text, put_u16, rle_frame, write_as, write_data_set,
    write_file,
};

const EXPLICIT: &str = uids::EXPLICIT_VR_LITTLE_ENDIAN;

fn load_bytes(upload: &[u8]) -> Result<LoadedSeries, ImagingError> {
    let upload = Upload::file(upload);
    let studies = list_studies(&upload.path, &Limits::default())?;
    assert_eq!(studies.len(), 1);
    load_chest_series(&studies[0], &Limits::default())
}

fn load_files(files: impl IntoIterator<Item = Vec<u8>>) -> Result<LoadedSeries, ImagingError> {
    load_bytes(&zip_of(&numbered(files)))
}

fn load_slices(slices: &[Slice]) -> LoadedSeries {
    load_files(slices.iter().map(|slice| slice.bytes(EXPLICIT))).unwrap()
}

fn series_of(count: usize) -> Vec<Slice> {
    (0..count).map(Slice::new).collect()
}

/// What slices with the standard rescale must look like.
fn assert_slice(series: &LoadedSeries, z: usize, slice: &Slice) {
    let got = series.volume.hounsfield.index_axis(ndarray::Axis(0), z);
    for ((row, column), value) in got.indexed_iter() {
        let stored = i32::from(slice.pixels[row * COLUMNS + column]);
        let expected = (f64::from(stored) * slice.slope + slice.intercept).round() as i16;
        assert_eq!(*value, expected, "slice {z} row {row} column {column}");
    }
    assert_eq!(
        series.slices[z].sop_instance_uid.as_ref().unwrap().as_str(),
        slice.instance
    );
}

#[test]
fn every_transfer_syntax_gives_the_same_volume() {
    let slices = series_of(3);
    let syntaxes = [
        uids::IMPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT,
        BIG_ENDIAN,
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        uids::JPEGLS_LOSSLESS,
        uids::JPEGXL_LOSSLESS,
    ];
    for syntax in syntaxes {
        let series = load_files(slices.iter().map(|slice| slice.bytes(syntax)))
            .unwrap_or_else(|error| panic!("{syntax}: {error}"));
        assert_eq!(series.acquisition.undecodable_slices, 0, "{syntax}");
        for (z, slice) in slices.iter().enumerate() {
            assert_slice(&series, z, slice);
        }
        assert_eq!(series.study.transfer_syntax_uid.as_deref(), Some(syntax));
    }
}

#[test]
fn rle_is_read() {
    let slices = series_of(2);
    let files = slices.iter().map(|slice| {
        let mut object = slice.data_set();
        put_fragments(&mut object, vec![rle_frame(&slice.pixels)]);
        write_as(object, uids::RLE_LOSSLESS)
    });
    let series = load_files(files).unwrap();
    assert_slice(&series, 1, &slices[1]);
}

#[test]
fn high_throughput_jpeg_2000_is_read() {
    let fixture = include_bytes!("reference/htj2k_ramp.j2c");
    let expected: Vec<u16> = (0..ROWS * COLUMNS)
        .map(|index| (index * 13 % 4096) as u16)
        .collect();
    let mut slice = Slice::new(0);
    slice.pixels = expected;
    for syntax in [uids::HTJ2K_LOSSLESS, uids::HTJ2K_LOSSLESS_RPCL, uids::HTJ2K] {
        let mut object = slice.data_set();
        put_fragments(&mut object, vec![fixture.to_vec()]);
        let series = load_bytes(&write_as(object, syntax)).unwrap();
        assert_slice(&series, 0, &slice);
    }
}

#[test]
fn files_without_preamble_or_meta_information_are_read() {
    let slice = Slice::new(0);
    for syntax in [uids::IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT, BIG_ENDIAN] {
        let bare = write_data_set(&slice.data_set(), syntax);
        let series = load_bytes(&bare).unwrap_or_else(|error| panic!("{syntax}: {error}"));
        assert_slice(&series, 0, &slice);
        assert_eq!(series.study.transfer_syntax_uid, None);
    }
    let with_meta = slice.bytes(EXPLICIT);
    // Without preamble and mark, without the preamble alone, and without the mark alone.
    let bare = write_data_set(&slice.data_set(), EXPLICIT);
    for file in [
        with_meta[132..].to_vec(),
        with_meta[128..].to_vec(),
        [&[0; 128][..], &with_meta[132..]].concat(),
        [&[0; 128][..], &bare].concat(),
    ] {
        assert_slice(&load_bytes(&file).unwrap(), 0, &slice);
    }
}

#[test]
fn slices_are_ordered_by_position_and_duplicates_removed() {
    let slices = series_of(5);
    let mut shuffled: Vec<Slice> = [3, 0, 4, 2, 1].map(|index| slices[index].clone()).to_vec();
    shuffled.push(slices[2].clone());
    let series = load_slices(&shuffled);
    for (z, slice) in slices.iter().enumerate() {
        assert_slice(&series, z, slice);
    }
    assert_eq!(series.acquisition.duplicates_removed, 1);
    assert_eq!(series.acquisition.missing_slices, 0);
    let geometry = &series.volume.geometry;
    assert_eq!(geometry.shape, [5, ROWS, COLUMNS]);
    assert_eq!(geometry.spacing_mm.zyx(), [2.0, 0.75, 0.75]);
    assert_eq!(geometry.position_mm([4.0, 2.0, 4.0]), [-17.0, -28.5, 8.0]);
}

#[test]
fn gaps_and_varying_distances_are_measured() {
    let mut slices = series_of(10);
    slices.drain(4..6);
    let series = load_slices(&slices);
    assert_eq!(series.acquisition.missing_slices, 2);
    assert_eq!(series.acquisition.largest_gap_mm, 6.0);
    assert_eq!(
        series.acquisition.spacing_variation, 0.0,
        "those that are there are even"
    );
}

#[test]
fn each_slice_is_rescaled_by_its_own_slope_and_intercept() {
    let mut slices = series_of(3);
    slices[1].slope = 0.5;
    slices[1].intercept = -1000.0;
    let series = load_slices(&slices);
    for (z, slice) in slices.iter().enumerate() {
        assert_slice(&series, z, slice);
    }
    assert!(series.acquisition.has_hounsfield);
}

#[test]
fn signed_values_and_padding() {
    let mut slice = Slice::new(0);
    slice.is_signed = true;
    slice.intercept = 0.0;
    slice.pixels = vec![0x0FFF; ROWS * COLUMNS]; // −1 in 12 bits
    slice.pixels[0] = 0x0801; // −2047, padding in the corner
    slice.pixels[COLUMNS] = 100;
    let mut object = slice.data_set();
    object.put(dicom_core::DataElement::new(
        tags::PIXEL_PADDING_VALUE,
        VR::SS,
        dicom_core::PrimitiveValue::from(-2047i16),
    ));
    let series = load_bytes(&write_file(object, EXPLICIT)).unwrap();
    let hounsfield = &series.volume.hounsfield;
    assert_eq!(hounsfield[[0, 0, 0]], -1024);
    assert_eq!(hounsfield[[0, 1, 0]], 100);
    assert_eq!(hounsfield[[0, 1, 1]], -1);
}

#[test]
fn a_slice_without_rescale_is_not_in_hounsfield_units() {
    let slices = series_of(3);
    let files = slices.iter().map(|slice| {
        let mut object = slice.data_set();
        object.remove_element(tags::RESCALE_SLOPE);
        write_file(object, EXPLICIT)
    });
    assert!(!load_files(files).unwrap().acquisition.has_hounsfield);
    let typed = slices.iter().map(|slice| {
        let mut object = slice.data_set();
        put_text(&mut object, tags::RESCALE_TYPE, VR::LO, "US");
        write_file(object, EXPLICIT)
    });
    assert!(!load_files(typed).unwrap().acquisition.has_hounsfield);
}

#[test]
fn a_prone_patient_is_turned_to_the_usual_directions() {
    let mut slices = series_of(2);
    for slice in &mut slices {
        slice.orientation = [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0];
        slice.origin_xy = [20.0, 30.0];
    }
    let series = load_slices(&slices);
    let geometry = &series.volume.geometry;
    assert_eq!(
        geometry.direction,
        [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    );
    let last = series.volume.hounsfield[[0, ROWS - 1, COLUMNS - 1]];
    assert_eq!(last, i16::try_from(slices[0].pixels[0]).unwrap() - 1024);
    assert_eq!(
        geometry.position_mm([0.0, (ROWS - 1) as f64, (COLUMNS - 1) as f64]),
        [20.0, 30.0, 0.0]
    );
}

#[test]
fn a_gantry_tilt_is_measured() {
    let mut slices = series_of(5);
    let (sin, cos) = 12f64.to_radians().sin_cos();
    for slice in &mut slices {
        slice.orientation = [1.0, 0.0, 0.0, 0.0, cos, sin];
    }
    let series = load_slices(&slices);
    assert!((series.acquisition.gantry_tilt_degrees - 12.0).abs() < 0.01);
    assert!(series.acquisition.is_axial);
    // Every slice stays where it was, though the stack is sheared.
    let place = series.volume.geometry.position_mm([4.0, 0.0, 0.0]);
    for (got, expected) in place.into_iter().zip([-20.0, -30.0, 8.0]) {
        assert!((got - expected).abs() < 1e-4, "{place:?}");
    }
}

#[test]
fn the_chest_series_is_chosen_and_the_others_named() {
    let chest: Vec<Slice> = (0..40).map(|n| Slice::new(n).with_series("1.2.3.1")).collect();
    let sharp = (0..40).map(|n| Slice {
        kernel: "B70f".into(),
        ..Slice::new(n).with_series("1.2.3.2")
    });
    let thick = (0..10).map(|n| Slice {
        z: n as f64 * 8.0,
        thickness_mm: 8.0,
        ..Slice::new(n).with_series("1.2.3.3")
    });
    let short = (0..5).map(|n| Slice {
        thickness_mm: 0.5,
        z: n as f64 * 0.5,
        ..Slice::new(n).with_series("1.2.3.4")
    });
    let scout = Slice {
        image_type: "ORIGINAL\\PRIMARY\\LOCALIZER".into(),
        ..Slice::new(0).with_series("1.2.3.5")
    };
    let coronal = (0..20).map(|n| Slice {
        orientation: [1.0, 0.0, 0.0, 0.0, 0.0, -1.0],
        ..Slice::new(n).with_series("1.2.3.6")
    });
    let mip = Slice {
        image_type: "DERIVED\\SECONDARY\\AXIAL\\MIP".into(),
        ..Slice::new(0).with_series("1.2.3.7")
    };
    let mut files: Vec<Vec<u8>> = chest
        .iter()
        .cloned()
        .chain(sharp)
        .chain(thick)
        .chain(short)
        .chain([scout])
        .chain(coronal)
        .chain([mip])
        .map(|slice| slice.bytes(EXPLICIT))
        .collect();
    let mut capture = Slice::new(0).with_series("1.2.3.8").data_set();
    put_text(
        &mut capture,
        tags::SOP_CLASS_UID,
        VR::UI,
        uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
    );
    files.push(write_file(capture, EXPLICIT));
    let mut dose = Slice::new(0).with_series("1.2.3.9").data_set();
    put_text(
        &mut dose,
        tags::IMAGE_TYPE,
        VR::CS,
        "DERIVED\\SECONDARY\\DOSE_INFO",
    );
    files.push(write_file(dose, EXPLICIT));
    let mut report = Slice::new(0).with_series("1.2.3.10").data_set();
    put_text(&mut report, tags::MODALITY, VR::CS, "SR");
    report.remove_element(tags::PIXEL_DATA);
    files.push(write_file(report, EXPLICIT));

    let series = load_files(files).unwrap();
    assert_eq!(series.study.series_instance_uid.unwrap().as_str(), "1.2.3.1");
    let choice = series.study.series_choice;
    assert_eq!(choice.series_considered, 10);
    assert!(choice.reason.contains("softest kernel"), "{}", choice.reason);
    let mut left_out = choice.left_out;
    left_out.sort();
    assert_eq!(
        left_out,
        [
            "1.2.3.10 (modality SR)",
            "1.2.3.2 (sharper kernel)",
            "1.2.3.3 (slices above 5 mm)",
            "1.2.3.4 (less coverage)",
            "1.2.3.5 (localizer)",
            "1.2.3.6 (coronal reformat)",
            "1.2.3.7 (projection or rendering)",
            "1.2.3.8 (secondary capture)",
            "1.2.3.9 (dose sheet)",
        ]
    );
}

#[test]
fn two_breaths_in_one_series_are_two_volumes() {
    let files = [(1, 0u16), (2, 500)].into_iter().flat_map(|(acquisition, more)| {
        (0..6).map(move |number| {
            let mut slice = Slice::new(number);
            slice.instance = format!("{}.{acquisition}", slice.instance);
            slice.pixels.iter_mut().for_each(|value| *value += more);
            let mut object = slice.data_set();
            put_text(
                &mut object,
                tags::ACQUISITION_NUMBER,
                VR::IS,
                &acquisition.to_string(),
            );
            write_file(object, EXPLICIT)
        })
    });
    let series = load_files(files).unwrap();
    assert_eq!(series.volume.geometry.shape[0], 6);
    assert_eq!(series.acquisition.duplicates_removed, 0);
    let of_acquisition = |end: &str| {
        series
            .slices
            .iter()
            .all(|slice| slice.sop_instance_uid.as_ref().unwrap().as_str().ends_with(end))
    };
    assert!(
        of_acquisition(".1") || of_acquisition(".2"),
        "slices of both are mixed"
    );
}

#[test]
fn what_is_no_chest_ct_is_rejected_with_its_reason() {
    let reason_of = |change: &dyn Fn(&mut dicom_object::InMemDicomObject)| {
        let mut object = Slice::new(0).data_set();
        change(&mut object);
        load_bytes(&write_file(object, EXPLICIT))
            .unwrap_err()
            .reason()
            .code
    };
    assert_eq!(
        reason_of(&|object| put_text(object, tags::MODALITY, VR::CS, "MR")),
        ReasonCode::NotCt
    );
    assert_eq!(
        reason_of(&|object| put_text(
            object,
            tags::IMAGE_ORIENTATION_PATIENT,
            VR::DS,
            "0\\1\\0\\0\\0\\-1"
        )),
        ReasonCode::NotAxial
    );
    assert_eq!(
        reason_of(&|object| {
            object.remove_element(tags::IMAGE_POSITION_PATIENT);
        }),
        ReasonCode::NoChestSeries
    );
    assert_eq!(
        reason_of(&|object| {
            object.remove_element(tags::PIXEL_DATA);
        }),
        ReasonCode::NoImagesFound
    );
    assert_eq!(
        reason_of(&|object| put_u16(object, tags::BITS_ALLOCATED, 32)),
        ReasonCode::UnsupportedPixelFormat
    );
    assert_eq!(
        reason_of(&|object| put_u16(object, tags::ROWS, 60_000)),
        ReasonCode::LyingLength
    );
    assert_eq!(
        reason_of(&|object| put_text(object, tags::NUMBER_OF_FRAMES, VR::IS, "2147483647")),
        ReasonCode::NoChestSeries
    );
    let mut movie = Slice::new(0).data_set();
    put_fragments(&mut movie, vec![vec![0, 0, 1, 0xB3]]);
    let error = load_bytes(&write_as(movie, uids::MPEG2MPML)).unwrap_err();
    assert_eq!(error.reason().code, ReasonCode::UnsupportedTransferSyntax);
}

#[test]
fn undecodable_slices_are_counted_and_left_out() {
    let slices = series_of(6);
    let files = slices.iter().enumerate().map(|(number, slice)| {
        let mut bytes = slice.bytes(uids::JPEGLS_LOSSLESS);
        if number == 3 {
            let frame_header = bytes.windows(2).position(|pair| pair == [0xFF, 0xF7]).unwrap();
            bytes[frame_header + 1] = 0;
        }
        bytes
    });
    let series = load_files(files).unwrap();
    assert_eq!(series.acquisition.undecodable_slices, 1);
    assert_eq!(series.acquisition.missing_slices, 1);
    assert_eq!(series.volume.geometry.shape[0], 5);
    assert_slice(&series, 3, &slices[4]);
}

#[test]
fn a_series_above_the_voxel_limit_is_refused_before_it_is_decoded() {
    let upload = Upload::file(&zip_of(&numbered(
        series_of(3).iter().map(|slice| slice.bytes(EXPLICIT)),
    )));
    let limits = Limits {
        voxels: 2 * (ROWS * COLUMNS) as u64,
        ..Limits::default()
    };
    let studies = list_studies(&upload.path, &limits).unwrap();
    let error = load_chest_series(&studies[0], &limits).unwrap_err();
    assert_eq!(error.reason().code, ReasonCode::VolumeTooLarge);
}

#[test]
fn of_the_patient_only_the_age_in_years_is_read() {
    let file_with = |attributes: &[(dicom_core::Tag, VR, &str)]| {
        let mut object = Slice::new(0).data_set();
        for (tag, vr, text) in attributes {
            put_text(&mut object, *tag, *vr, text);
        }
        let series = load_bytes(&write_file(object, EXPLICIT)).unwrap();
        let told = format!("{:?}", series.study);
        assert!(!told.contains("SECRET") && !told.contains("19600103"), "{told}");
        series.study.patient_age_years
    };
    // The study is of 2026-01-02.
    let born = (tags::PATIENT_BIRTH_DATE, VR::DA, "19600103");
    assert_eq!(file_with(&[]), None);
    assert_eq!(file_with(&[born]), Some(65));
    assert_eq!(file_with(&[born, (tags::PATIENT_AGE, VR::AS, "064Y")]), Some(64));
}
