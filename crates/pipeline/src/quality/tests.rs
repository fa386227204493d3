use ndarray::Array3;
use norma_domain::{SeriesChoice, SpacingMm, StudySummary, VolumeGeometry};
use norma_imaging::Acquisition;

use QualityConsequence::Undetermined;

use super::*;

fn sound_series() -> LoadedSeries {
    let geometry = VolumeGeometry {
        slice_places_mm: None,
        shape: [100, 16, 16],
        // Few pixels, as wide together as a chest.
        spacing_mm: SpacingMm::new(2.5, 22.0, 22.0).unwrap(),
        origin_mm: [0.0; 3],
        direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
    };
    LoadedSeries {
        volume: Volume {
            hounsfield: Array3::from_elem(geometry.shape, 40),
            geometry: geometry.clone(),
        },
        study: StudySummary {
            study_instance_uid: None,
            series_instance_uid: None,
            source_format: "DICOM".into(),
            modality: Some("CT".into()),
            manufacturer: None,
            scanner_model: None,
            convolution_kernel: None,
            study_date: None,
            patient_age_years: Some(60),
            transfer_syntax_uid: None,
            slice_thickness_mm: Some(2.5),
            contrast_agent: false,
            geometry,
            series_choice: SeriesChoice {
                reason: String::new(),
                series_considered: 1,
                left_out: Vec::new(),
            },
        },
        slices: Vec::new(),
        acquisition: Acquisition {
            is_axial: true,
            gantry_tilt_degrees: 0.0,
            duplicates_removed: 0,
            missing_slices: 0,
            largest_gap_mm: 2.5,
            spacing_variation: 0.0,
            undecodable_slices: 0,
            damaged_slices: 0,
            order_doubt: None,
            unreadable_files: 0,
            has_hounsfield: true,
            stored_pixel_spacing_mm: [0.7, 0.7],
            corrected_slices: 0,
            unread_between: 0,
            invalid_uids: 0,
        },
    }
}

fn sound_lungs() -> LungSegmentation {
    LungSegmentation {
        mask: Array3::zeros([100, 16, 16]),
        right_ml: 2500.0,
        left_ml: 2200.0,
        extent: Some([5, 94]),
        area_mm2: (0..100)
            .map(|z| if (5..95).contains(&z) { 20_000.0 } else { 0.0 })
            .collect(),
        touches_first: false,
        touches_last: false,
        bowel_gas: norma_volume::BowelGas::default(),
    }
}

/// What does not pass, with its consequence.
fn failing(
    change_series: impl Fn(&mut LoadedSeries),
    change_lungs: impl Fn(&mut LungSegmentation),
) -> Vec<(ReasonCode, QualityConsequence)> {
    let (mut series, mut lungs) = (sound_series(), sound_lungs());
    change_series(&mut series);
    change_lungs(&mut lungs);
    check_quality(&series, &lungs)
        .into_iter()
        .filter(|check| !check.passed)
        // The even phantom has no anatomy to tell its sides by, which is noted.
        .filter(|check| (check.code, check.consequence) != (ReasonCode::OrientationDoubtful, Note))
        .map(|check| (check.code, check.consequence))
        .collect()
}

#[test]
fn a_sound_series_passes_every_check() {
    assert_eq!(failing(|_| (), |_| ()), []);
}

#[test]
fn each_defect_of_the_series_is_found() {
    type Change = fn(&mut LoadedSeries);
    let defects: &[(ReasonCode, QualityConsequence, Change)] = &[
        (ReasonCode::NotHounsfield, Failed, |series| {
            series.acquisition.has_hounsfield = false;
        }),
        (ReasonCode::NotHounsfield, Failed, |series| {
            series.volume.hounsfield.fill(1064);
        }),
        (ReasonCode::NotHounsfield, Failed, |series| {
            series.volume.hounsfield.fill(400);
        }),
        (ReasonCode::NotAxial, Failed, |series| {
            series.acquisition.is_axial = false;
        }),
        (ReasonCode::SlicesTooThick, LimitsView, |series| {
            series.study.slice_thickness_mm = Some(8.0);
        }),
        (ReasonCode::SliceGap, LimitsView, |series| {
            series.acquisition.largest_gap_mm = 5.0;
        }),
        (ReasonCode::SliceGap, LimitsView, |series| {
            series.acquisition.missing_slices = 1;
        }),
        (ReasonCode::SpacingVaries, Note, |series| {
            series.acquisition.spacing_variation = 0.4;
        }),
        (ReasonCode::SpacingVaries, Undetermined, |series| {
            series.acquisition.spacing_variation = 0.6;
        }),
        (ReasonCode::PixelSpacingCoarse, Undetermined, |series| {
            series.acquisition.stored_pixel_spacing_mm = [0.7, 2.1];
        }),
        (ReasonCode::PatientNotAdult, Undetermined, |series| {
            series.study.patient_age_years = Some(17);
        }),
        (ReasonCode::PatientAgeUnknown, Note, |series| {
            series.study.patient_age_years = None;
        }),
        (ReasonCode::SeriesPartlyRead, Note, |series| {
            series.acquisition.unread_between = 40;
        }),
        (ReasonCode::UidInvalid, Note, |series| {
            series.acquisition.invalid_uids = 1;
        }),
        (ReasonCode::PixelsContradictHeader, Note, |series| {
            series.acquisition.corrected_slices = 1;
        }),
        (ReasonCode::SlicesUndecodable, LimitsView, |series| {
            series.acquisition.undecodable_slices = 1;
        }),
        (ReasonCode::SlicesDamaged, LimitsView, |series| {
            series.acquisition.damaged_slices = 1;
        }),
        (ReasonCode::SliceOrderDoubtful, Undetermined, |series| {
            series.acquisition.order_doubt = Some(norma_imaging::OrderDoubt::ByTurns);
        }),
        (ReasonCode::ValuesClipped, Note, |series| {
            for ((z, y, x), value) in series.volume.hounsfield.indexed_iter_mut() {
                *value = (((z * 7 + y * 5 + x * 3) % 90) as i16).min(60);
            }
        }),
        (ReasonCode::GantryTilt, LimitsView, |series| {
            series.acquisition.gantry_tilt_degrees = -12.0;
        }),
        (ReasonCode::ContrastAgent, Note, |series| {
            series.study.contrast_agent = true;
        }),
        (ReasonCode::UnreadableDicom, Note, |series| {
            series.acquisition.unreadable_files = 2;
        }),
    ];
    for &(code, consequence, change) in defects {
        assert_eq!(failing(change, |_| ()), [(code, consequence)]);
    }
}

#[test]
fn each_defect_of_the_lungs_is_found() {
    type Change = fn(&mut LungSegmentation);
    let defects: &[(&[(ReasonCode, QualityConsequence)], Change)] = &[
        (&[(ReasonCode::OneLung, LimitsView)], |lungs| {
            lungs.left_ml = 100.0;
        }),
        (&[(ReasonCode::LungVolumeLow, LimitsView)], |lungs| {
            (lungs.right_ml, lungs.left_ml) = (300.0, 280.0);
        }),
        (&[(ReasonCode::CoverageIncomplete, LimitsView)], |lungs| {
            lungs.area_mm2[99] = 6_000.0;
        }),
        (&[(ReasonCode::CoverageIncomplete, LimitsView)], |lungs| {
            lungs.area_mm2[0] = 1_100.0;
        }),
        (
            &[
                (ReasonCode::CoverageIncomplete, LimitsView),
                (ReasonCode::TooFewSlices, LimitsView),
            ],
            |lungs| {
                lungs.extent = Some([40, 60]);
            },
        ),
    ];
    for &(expected, change) in defects {
        assert_eq!(failing(|_| (), change), expected);
    }
}

#[test]
fn nothing_found_passes_no_check_of_the_lungs() {
    let failing = failing(
        |_| (),
        |lungs| {
            (lungs.right_ml, lungs.left_ml) = (0.0, 0.0);
            lungs.extent = None;
            lungs.area_mm2.fill(0.0);
        },
    );
    assert_eq!(failing[0], (ReasonCode::NoLungs, Failed));
    for code in [
        ReasonCode::OneLung,
        ReasonCode::LungVolumeLow,
        ReasonCode::CoverageIncomplete,
        ReasonCode::TooFewSlices,
    ] {
        assert!(failing.iter().any(|&(failed, _)| failed == code), "{code}");
    }
}

#[test]
fn measured_values_and_limits_are_stated() {
    for check in check_quality(&sound_series(), &sound_lungs()) {
        assert_eq!(check.limit.is_some(), !check.unit.is_empty(), "{}", check.code);
        assert!(!check.message.is_empty());
    }
}
