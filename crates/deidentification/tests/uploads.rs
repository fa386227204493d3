//! Whole uploads: what is written is read as before.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper of a test that fails is a test that fails"
)]

use std::path::Path;

use norma_deidentification::{DeidentificationError, Key, PixelCheck, deidentify_upload};
use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_test_support::{PhantomOptions, TransferSyntax, dicom_files_below, phantom_zip, robustness_files};

fn small(transfer_syntax: TransferSyntax) -> PhantomOptions {
    PhantomOptions {
        size: 64,
        slices: 12,
        transfer_syntax,
        ..PhantomOptions::small()
    }
}

#[test]
fn a_series_keeps_its_volume_in_every_transfer_syntax() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits::default();
    for transfer_syntax in TransferSyntax::ALL {
        let (upload, out) = (folder.path().join("in.zip"), folder.path().join("out.zip"));
        let series = phantom_zip(&small(transfer_syntax), &upload).unwrap();
        let summary = deidentify_upload(&upload, &out, &Key::random(), PixelCheck::ByKind, &limits).unwrap();
        assert_eq!(
            (summary.studies, summary.kept, summary.left_out.total()),
            (1, 12, 0)
        );
        let (before, after) = (load(&upload), load(&out));
        assert_eq!(before.volume, after.volume, "{transfer_syntax:?}");
        assert_eq!(before.acquisition, after.acquisition, "{transfer_syntax:?}");
        let written = std::fs::read(&out).unwrap();
        for name in ["PHANTOM", series.study_instance_uid.as_str()] {
            assert!(
                !written
                    .windows(name.len())
                    .any(|window| window == name.as_bytes()),
                "{name} in {transfer_syntax:?}"
            );
        }
        let study = list_studies(&out, &limits).unwrap().remove(0);
        assert!(study.study_instance_uid().unwrap().as_str().starts_with("2.25."));
    }
}

/// The members of a zip.
fn members(path: &Path) -> Vec<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut archive.by_index(index).unwrap(), &mut bytes).unwrap();
            bytes
        })
        .collect()
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

const SECRET: &[u8] = b"SECRETNAME^PATIENT";

/// The phantom's files, changed one by one, in a folder.
fn changed(folder: &Path, change: impl Fn(usize, Vec<u8>) -> Vec<u8>) {
    norma_test_support::write_phantom_series(&small(TransferSyntax::ExplicitLittleEndian), folder).unwrap();
    for (index, file) in dicom_files_below(folder).into_iter().enumerate() {
        let bytes = change(index, std::fs::read(&file).unwrap());
        std::fs::write(&file, bytes).unwrap();
    }
}

/// Puts bytes before the first element of a tag in an explicit little endian file.
fn insert_before(mut file: Vec<u8>, tag: [u8; 4], extra: &[u8]) -> Vec<u8> {
    let at = 132 + file[132..].windows(4).position(|window| window == tag).unwrap();
    file.splice(at..at, extra.iter().copied());
    file
}

#[test]
fn names_beside_the_elements_and_behind_the_pixels_go_and_no_image_is_lost() {
    let undefined = [0xFF; 4];
    let item = [&[0xFE, 0xFF, 0, 0xE0][..], &undefined].concat();
    let end_item = [0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0];
    let end = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];
    let name = [&[0x10, 0, 0x10, 0][..], b"PN", &[18, 0], SECRET].concat();
    let unknown = [
        &[0x10, 0, 0x02, 0x22][..],
        b"UN\0\0",
        &undefined,
        &item,
        &name,
        &end_item,
        &end,
    ]
    .concat();
    let private = [&[0x29, 0, 0x10, 0x10][..], b"OB\0\0", &[18, 0, 0, 0], SECRET].concat();
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("out.zip"));
    changed(&input, |index, file| {
        let mut file = insert_before(
            file,
            [0x20, 0, 0x0D, 0],
            &[unknown.clone(), private.clone()].concat(),
        );
        file[..18].copy_from_slice(SECRET);
        match index % 4 {
            0 => file.extend([b"\n", SECRET].concat()),
            1 => file.resize(file.len().next_multiple_of(512), 0),
            2 => file.extend([&[0xFC, 0xFF, 0xFC, 0xFF][..], b"OB\0\0", &[18, 0, 0, 0], SECRET].concat()),
            _ => {}
        }
        file
    });
    let before = load(&input);
    let summary = deidentify_upload(
        &input,
        &out,
        &Key::random(),
        PixelCheck::ByKind,
        &Limits::default(),
    )
    .unwrap();
    assert_eq!((summary.kept, summary.left_out.total()), (12, 0));
    assert_eq!(load(&out).volume, before.volume);
    assert!(members(&out).iter().all(|member| !holds(member, SECRET)));
}

#[test]
fn writing_in_unused_bits_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("out.zip"));
    // Bit 15 of every other sample; the phantom stores fewer bits.
    changed(&input, |_, mut file| {
        let start = file.len() - 64 * 64 * 2;
        for high in file[start..].iter_mut().skip(1).step_by(4) {
            *high |= 0x80;
        }
        file
    });
    let clean = folder.path().join("clean");
    changed(&clean, |_, file| file);
    deidentify_upload(
        &input,
        &out,
        &Key::random(),
        PixelCheck::ByKind,
        &Limits::default(),
    )
    .unwrap();
    for member in members(&out) {
        let start = member.len() - 64 * 64 * 2;
        assert!(
            member[start..]
                .iter()
                .skip(1)
                .step_by(2)
                .all(|high| high & 0x80 == 0)
        );
    }
    assert_eq!(load(&out).volume, load(&clean).volume);
}

#[test]
fn pictures_that_may_carry_text_are_left_out_unless_a_person_has_looked() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("out.zip"));
    let burned_in = [&[0x28, 0, 0x01, 0x03][..], b"CS", &[6, 0], b" YES  "].concat();
    changed(&input, |index, file| {
        if index == 3 {
            insert_before(file, [0x28, 0, 0x52, 0x10], &burned_in)
        } else {
            file
        }
    });
    let kept = |pixels| {
        let summary = deidentify_upload(&input, &out, &Key::random(), pixels, &Limits::default()).unwrap();
        (summary.kept, summary.left_out.burned_in)
    };
    assert_eq!(kept(PixelCheck::ByKind), (11, 1));
    assert_eq!(kept(PixelCheck::ByPerson), (12, 0));
}

#[test]
fn a_packed_nifti_is_written_without_its_names() {
    use std::io::Write as _;
    let mut file = vec![0u8; 352];
    file[..4].copy_from_slice(&348_i32.to_le_bytes());
    for (axis, count) in [3u16, 8, 8, 8].into_iter().enumerate() {
        file[40 + 2 * axis..42 + 2 * axis].copy_from_slice(&count.to_le_bytes());
    }
    file[70..74].copy_from_slice(&[4, 0, 16, 0]);
    file[108..112].copy_from_slice(&352f32.to_le_bytes());
    file[148..166].copy_from_slice(SECRET);
    file[254] = 1;
    for (row, at) in [280, 300, 320].into_iter().enumerate() {
        let sign = if row < 2 { -1f32 } else { 1f32 };
        file[at..at + 4].copy_from_slice(&sign.to_le_bytes());
    }
    file[344..348].copy_from_slice(b"n+1\0");
    file.extend((0..512u16).flat_map(|value| (value as i16 - 900).to_le_bytes()));
    file.extend(SECRET);
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in.nii.gz"), folder.path().join("out.zip"));
    let mut packer = flate2::GzBuilder::new().filename(SECRET).comment(SECRET).write(
        std::fs::File::create(&input).unwrap(),
        flate2::Compression::default(),
    );
    packer.write_all(&file).unwrap();
    packer.finish().unwrap();
    let summary = deidentify_upload(
        &input,
        &out,
        &Key::random(),
        PixelCheck::ByKind,
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(summary.kept, 1);
    assert_eq!(load(&out).volume, load(&input).volume);
    let written = members(&out);
    assert!(!holds(&written[0], SECRET));
    assert_eq!(written[0].len(), 352 + 1024);
}

fn load(upload: &Path) -> norma_imaging::LoadedSeries {
    let limits = Limits::default();
    load_chest_series(&list_studies(upload, &limits).unwrap()[0], &limits).unwrap()
}

/// How a file is read: its voxels, or the code of the reason.
fn outcome(upload: &Path) -> Result<norma_volume_fingerprint::Fingerprint, String> {
    let limits = Limits::default();
    list_studies(upload, &limits)
        .and_then(|studies| load_chest_series(&studies[0], &limits))
        .map(|series| norma_volume_fingerprint::of(&series))
        .map_err(|error| error.reason().code.to_string())
}

mod norma_volume_fingerprint {
    use norma_imaging::LoadedSeries;

    pub(crate) type Fingerprint = ([usize; 3], i64);

    pub(crate) fn of(series: &LoadedSeries) -> Fingerprint {
        let sum = series
            .volume
            .hounsfield
            .iter()
            .map(|value| i64::from(*value))
            .sum();
        (series.volume.geometry.shape, sum)
    }
}

#[test]
fn real_files_are_read_as_before_or_left_out() {
    let Some(folder) = robustness_files() else {
        return;
    };
    let files = dicom_files_below(folder.path());
    let out = folder.path().join("out.zip");
    let (mut kept, mut left_out, mut unreadable) = (0, 0, 0);
    for file in &files {
        match deidentify_upload(file, &out, &Key::random(), PixelCheck::ByKind, &Limits::default()) {
            Ok(summary) => {
                assert_eq!(summary.kept, 1, "{}", file.display());
                assert_eq!(outcome(file), outcome(&out), "{}", file.display());
                kept += 1;
            }
            Err(DeidentificationError::NothingLeft(why)) => {
                assert!(
                    outcome(file).is_err() || why.unreadable == 0,
                    "{}: {why:?}",
                    file.display()
                );
                left_out += 1;
            }
            Err(DeidentificationError::Upload(error)) => {
                assert!(!error.is_retryable(), "{}: {error}", file.display());
                unreadable += 1;
            }
            Err(error @ DeidentificationError::Write(_)) => panic!("{}: {error}", file.display()),
        }
    }
    println!("{kept} kept, {left_out} left out, {unreadable} unreadable");
    // Most others are captured screens, ultrasound or pages by their kind.
    assert!(kept > 60, "{kept} kept");
}
