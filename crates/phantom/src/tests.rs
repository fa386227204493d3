use dicom_dictionary_std::tags;
use norma_volume::segment_lungs;

use super::*;

#[test]
fn the_same_options_give_the_same_voxels_and_another_seed_another_person() {
    let options = PhantomOptions::small();
    let first = phantom_volume(&options);
    assert_eq!(first, phantom_volume(&options));
    let other = PhantomOptions { seed: 2, ..options };
    assert_ne!(first.hounsfield, phantom_volume(&other).hounsfield);
}

#[test]
fn tissues_have_their_hounsfield_units() {
    let volume = phantom_volume(&PhantomOptions::small());
    let mean_at = |[x, y, z]: [f64; 3]| {
        let geometry = &volume.geometry;
        let index = |axis: usize, mm: f64| {
            let component = [2, 1, 0][axis];
            let from_origin = mm - geometry.origin_mm[component];
            (from_origin / geometry.spacing_mm.zyx()[axis]).round() as usize
        };
        // The middle of the trunk is 6 mm in front of the middle of the slices, the lowest slice's middle half a
        // spacing above 0.
        let center = [index(0, z - 2.5), index(1, y - 6.0), index(2, x)];
        let window = volume.hounsfield.slice(ndarray::s![
            center[0],
            center[1] - 1..=center[1] + 1,
            center[2] - 1..=center[2] + 1
        ]);
        window.iter().map(|&value| f64::from(value)).sum::<f64>() / 9.0
    };
    for (tissue, position, expected, tolerance) in [
        ("heart", [20.0, -25.0, 125.0], 42.0, 25.0),
        ("liver", [-60.0, -10.0, 40.0], 60.0, 25.0),
        ("trachea", [0.0, 3.0, 240.0], -990.0, 60.0),
        ("vertebra", [0.0, 52.0, 121.0], 190.0, 110.0),
        ("outside air", [0.0, -170.0, 150.0], -1000.0, 20.0),
        ("aorta", [24.0, 32.0, 180.0], 42.0, 40.0),
    ] {
        let found = mean_at(position);
        assert!((found - expected).abs() < tolerance, "{tissue}: {found}");
    }
}

#[test]
fn lungs_are_as_the_options_say() {
    let lungs_of = |options: PhantomOptions| segment_lungs(&phantom_volume(&options));
    let norm = lungs_of(PhantomOptions::small());
    assert!(
        norm.right_ml > 1000.0 && norm.left_ml > 900.0,
        "{} {}",
        norm.right_ml,
        norm.left_ml
    );
    assert!(!norm.touches_first && !norm.touches_last);

    let one = lungs_of(PhantomOptions {
        lungs: Lungs::Left,
        ..PhantomOptions::small()
    });
    assert!(
        one.right_ml < 20.0 && one.left_ml > 900.0,
        "{} {}",
        one.right_ml,
        one.left_ml
    );

    let none = lungs_of(PhantomOptions {
        lungs: Lungs::None,
        ..PhantomOptions::small()
    });
    assert!(none.total_ml() < 20.0, "{}", none.total_ml());

    let effusion = lungs_of(PhantomOptions {
        effusion: true,
        ..PhantomOptions::small()
    });
    assert!(effusion.right_ml < 0.9 * norm.right_ml, "{}", effusion.right_ml);
}

#[test]
fn a_nodule_is_solid_where_it_was_asked_for() {
    let options = PhantomOptions::small();
    let with_nodule = PhantomOptions {
        nodule: Some(Nodule::default()),
        ..options.clone()
    };
    let (before, after) = (phantom_volume(&options), phantom_volume(&with_nodule));
    // (−78, 6, 204) mm: slice 204 / 5, rows and columns of 1.92 mm from the middle.
    let index = [40, 106, 63];
    assert!(before.hounsfield[index] < -600, "{}", before.hounsfield[index]);
    assert!(after.hounsfield[index] > -80, "{}", after.hounsfield[index]);
}

#[test]
fn a_written_series_is_ct_image_storage_with_the_volumes_geometry() {
    let folder = tempfile::tempdir().unwrap();
    let options = PhantomOptions {
        missing_slices: vec![30],
        tilt_degrees: 10.0,
        ..PhantomOptions::small()
    };
    let series = write_phantom_series(&options, folder.path()).unwrap();
    assert_eq!(series.sop_instance_uids.len(), 59);
    assert!(!folder.path().join("IM0031.dcm").exists());
    let object = dicom_object::open_file(folder.path().join("IM0011.dcm")).unwrap();
    let text = |tag| object.element(tag).unwrap().to_str().unwrap().into_owned();
    assert_eq!(text(tags::PATIENT_NAME), "PHANTOM^NORMA");
    assert_eq!(text(tags::MODALITY), "CT");
    assert_eq!(
        text(tags::SOP_INSTANCE_UID),
        series.sop_instance_uids[10].as_str()
    );
    assert_eq!(
        text(tags::SERIES_INSTANCE_UID),
        series.series_instance_uid.as_str()
    );
    let volume = phantom_volume(&options);
    let position = object
        .element(tags::IMAGE_POSITION_PATIENT)
        .unwrap()
        .to_multi_float64()
        .unwrap();
    for (found, expected) in position.iter().zip(volume.geometry.position_mm([10.0, 0.0, 0.0])) {
        assert!((found - expected).abs() < 1e-4);
    }
    let stored = object
        .element(tags::PIXEL_DATA)
        .unwrap()
        .to_multi_int::<u16>()
        .unwrap();
    for (&stored, &hounsfield) in stored.iter().zip(volume.slice(10)) {
        assert_eq!(i32::from(stored) - 1024, i32::from(hounsfield));
    }
}

#[test]
fn every_transfer_syntax_is_written_as_it_says() {
    for transfer_syntax in TransferSyntax::ALL {
        let folder = tempfile::tempdir().unwrap();
        let options = PhantomOptions {
            transfer_syntax,
            size: 64,
            slices: 1,
            ..PhantomOptions::small()
        };
        write_phantom_series(&options, folder.path()).unwrap();
        let mut file = std::fs::File::open(folder.path().join("IM0001.dcm")).unwrap();
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(128)).unwrap();
        let meta = dicom_object::FileMetaTable::from_reader(&mut file).unwrap();
        assert_eq!(meta.transfer_syntax(), transfer_syntax.uid());
    }
}

#[test]
fn a_zip_holds_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let options = PhantomOptions {
        slices: 3,
        ..PhantomOptions::small()
    };
    let path = folder.path().join("phantom.zip");
    let series = phantom_zip(&options, &path).unwrap();
    assert_eq!(series, write_phantom_series(&options, folder.path()).unwrap());
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    assert_eq!(archive.len(), 3);
    let mut zipped = Vec::new();
    std::io::copy(&mut archive.by_name("PHANTOM/IM0002.dcm").unwrap(), &mut zipped).unwrap();
    assert_eq!(zipped, std::fs::read(folder.path().join("IM0002.dcm")).unwrap());
}
