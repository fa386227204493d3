//! The three whole chest series of the test data.

mod support;

use norma_imaging::{Limits, list_studies, load_chest_series};

struct Expected {
    file: &'static str,
    shape: [usize; 3],
    spacing_mm: [f64; 3],
    transfer_syntax: &'static str,
    contrast: bool,
}

const SERIES: [Expected; 3] = [
    Expected {
        file: "series/covid-ct-md_normal001.zip",
        shape: [154, 512, 512],
        spacing_mm: [2.0, 0.0, 0.0],
        transfer_syntax: "1.2.840.10008.1.2.4.70",
        contrast: false,
    },
    Expected {
        file: "series/covid-ct-md_covid-P001.zip",
        shape: [148, 512, 512],
        spacing_mm: [2.0, 0.0, 0.0],
        transfer_syntax: "1.2.840.10008.1.2.4.70",
        contrast: false,
    },
    Expected {
        file: "series/lidc-idri-0001_mass.zip",
        shape: [133, 512, 512],
        spacing_mm: [2.5, 0.703125, 0.703125],
        transfer_syntax: "1.2.840.10008.1.2",
        contrast: true,
    },
];

#[test]
fn whole_series_load_in_order_and_in_hounsfield_units() {
    for expected in SERIES {
        let Some(path) = support::data_file(expected.file) else {
            return;
        };
        let limits = Limits::default();
        let begin = std::time::Instant::now();
        let studies = list_studies(&path, &limits).unwrap();
        let listed = begin.elapsed();
        assert_eq!(studies.len(), 1, "{}", expected.file);
        let series = load_chest_series(&studies[0], &limits).unwrap();
        println!(
            "{}: listed {listed:.2?}, all {:.2?}, {:?} {:?} {:?}",
            expected.file,
            begin.elapsed(),
            series.acquisition,
            series.study,
            series.volume.geometry
        );
        assert_eq!(series.volume.geometry.shape, expected.shape, "{}", expected.file);
    }
}
