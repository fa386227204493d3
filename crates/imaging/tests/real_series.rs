//! The three whole chest series of the test data.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

mod support;

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
                acquisition.unreadable_files
            ),
            (0, 0, 0, 0)
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
