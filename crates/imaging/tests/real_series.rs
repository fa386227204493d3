//! The three whole chest series of the test data.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

mod support;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use norma_imaging::{Limits, list_studies, load_chest_series};

struct Expected {
    file: &'static str,
    shape: [usize; 3],
    spacing_mm: [f64; 3],
    transfer_syntax: &'static str,
    contrast: bool,
    /// Sum of all voxels and the middle one, in Hounsfield units clamped at −1024; by tests/reference/volume_reference.py.
    sum: i64,
    middle: i16,
}

const SERIES: [Expected; 3] = [
    Expected {
        file: "series/covid-ct-md_normal001.zip",
        shape: [154, 512, 512],
        spacing_mm: [2.0, 0.634765625, 0.634765625],
        transfer_syntax: "1.2.840.10008.1.2.4.70",
        contrast: false,
        sum: -14_953_122_333,
        middle: 10,
    },
    Expected {
        file: "series/covid-ct-md_covid-P001.zip",
        shape: [148, 512, 512],
        spacing_mm: [2.0, 0.748046875, 0.748046875],
        transfer_syntax: "1.2.840.10008.1.2.4.70",
        contrast: false,
        sum: -21_557_537_656,
        middle: 66,
    },
    Expected {
        file: "series/lidc-idri-0001_mass.zip",
        shape: [133, 512, 512],
        spacing_mm: [2.5, 0.703125, 0.703125],
        transfer_syntax: "1.2.840.10008.1.2.1",
        contrast: true,
        sum: -21_235_825_553,
        middle: 399,
    },
];

#[test]
fn whole_series_load_in_order_and_in_hounsfield_units() {
    for expected in SERIES {
        let Some(path) = support::data_file(expected.file) else {
            return;
        };
        let limits = Limits::default();
        let studies = list_studies(&path, &limits).unwrap();
        assert_eq!(studies.len(), 1, "{}", expected.file);
        let series = load_chest_series(&studies[0], &limits).unwrap();
        let geometry = &series.volume.geometry;
        assert_eq!(geometry.shape, expected.shape, "{}", expected.file);
        for (got, spacing) in geometry.spacing_mm.zyx().into_iter().zip(expected.spacing_mm) {
            assert!((got - spacing).abs() < 1e-6, "{}", expected.file);
        }
        assert_eq!(
            geometry.direction,
            [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
        );
        let voxels = &series.volume.hounsfield;
        assert_eq!(
            voxels.iter().map(|value| i64::from(*value)).sum::<i64>(),
            expected.sum,
            "{}",
            expected.file
        );
        let [z, y, x] = expected.shape.map(|count| count / 2);
        assert_eq!(voxels[[z, y, x]], expected.middle, "{}", expected.file);
        assert_eq!(series.slices.len(), expected.shape[0]);
        assert!(
            series
                .slices
                .iter()
                .enumerate()
                .all(|(z, slice)| slice.slice == z && slice.sop_instance_uid.is_some())
        );
        let acquisition = &series.acquisition;
        assert!(acquisition.is_axial && acquisition.has_hounsfield);
        assert_eq!(
            (
                acquisition.missing_slices,
                acquisition.duplicates_removed,
                acquisition.undecodable_slices,
                acquisition.unreadable_files,
                acquisition.damaged_slices
            ),
            (0, 0, 0, 0, 0)
        );
        assert!(acquisition.spacing_variation < 1e-9 && acquisition.gantry_tilt_degrees < 1e-6);
        assert_eq!(
            series.study.transfer_syntax_uid.as_deref(),
            Some(expected.transfer_syntax)
        );
        assert_eq!(series.study.contrast_agent, expected.contrast);
        assert_eq!(series.study.modality.as_deref(), Some("CT"));
        assert!(
            series
                .study
                .series_choice
                .reason
                .starts_with("the only axial CT series")
        );
    }
}

/// Every `step`-th slice of the LIDC series, whose pixels are stored plainly, with those in `mirrored` exchanged left and
/// right or turned upside down.
fn thinned(step: usize, mirrored: &[usize], is_upside_down: bool) -> Option<usize> {
    let path = support::data_file("series/lidc-idri-0001_mass.zip")?;
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut slices = Vec::new();
    for index in 0..archive.len() {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut archive.by_index(index).unwrap(), &mut bytes).unwrap();
        if let Ok(object) = dicom_object::from_reader(std::io::Cursor::new(&bytes)) {
            let position = object
                .element(tags::IMAGE_POSITION_PATIENT)
                .unwrap()
                .to_multi_float64();
            slices.push((position.unwrap()[2], object));
        }
    }
    slices.sort_by(|(first, _), (second, _)| first.total_cmp(second));
    let folder = tempfile::tempdir().unwrap();
    for (place, (_, mut object)) in slices.into_iter().step_by(step).enumerate() {
        if mirrored.contains(&place) {
            let stored = object
                .element(tags::PIXEL_DATA)
                .unwrap()
                .to_bytes()
                .unwrap()
                .into_owned();
            let columns: usize = object.element(tags::COLUMNS).unwrap().to_int().unwrap();
            let mut lines: Vec<Vec<[u8; 2]>> = stored
                .chunks_exact(2 * columns)
                .map(|line| line.chunks_exact(2).map(|pixel| [pixel[0], pixel[1]]).collect())
                .collect();
            if is_upside_down {
                lines.reverse();
            } else {
                lines.iter_mut().for_each(|line| line.reverse());
            }
            object.put(DataElement::new(
                tags::PIXEL_DATA,
                VR::OW,
                PrimitiveValue::from(lines.concat().concat()),
            ));
        }
        object
            .write_to_file(folder.path().join(format!("{place}.dcm")))
            .unwrap();
    }
    let studies = list_studies(folder.path(), &Limits::default()).unwrap();
    let series = load_chest_series(&studies[0], &Limits::default()).unwrap();
    Some(series.acquisition.damaged_slices)
}

/// At 7.5 mm neighbours differ so much that a slice with its sides exchanged is hardly more unlike them than they are.
#[test]
fn a_mirrored_slice_of_a_thick_series_is_seen_and_no_other() {
    for step in [3, 4] {
        let Some(damaged) = thinned(step, &[], false) else {
            return;
        };
        assert_eq!(damaged, 0, "every {step}th slice");
    }
    for is_upside_down in [false, true] {
        for mirrored in [vec![22], vec![0], vec![9, 30]] {
            assert_eq!(
                thinned(3, &mirrored, is_upside_down),
                Some(mirrored.len()),
                "{mirrored:?}"
            );
        }
    }
}
