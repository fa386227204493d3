//! One examination, packed in many ways.

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use encoding_rs::{IBM866, WINDOWS_1251};

use super::images::{Image, files, images};
use super::right::{Right, Variant, check};
use super::support::archives::{HandZip, numbered, zip_of, zip_with};
use super::support::dicom_files::{BIG_ENDIAN, write_data_set, write_file};

#[test]
fn however_it_is_packed_the_volume_is_the_same() {
    let plain = files(1, |_| ());
    let named = |encode: &dyn Fn(&str) -> Vec<u8>| {
        let entries = plain.iter().enumerate();
        HandZip::of(
            entries.map(|(index, file)| (encode(&format!("Иванов/КТ/срез {index}.dcm")), file.clone())),
        )
        .bytes()
    };
    let mut directory = images(1, |_| ()).remove(0).object;
    directory.put(dicom_core::DataElement::new(
        tags::SOP_CLASS_UID,
        VR::UI,
        dicom_core::PrimitiveValue::from("1.2.840.10008.1.3.10"),
    ));
    let mut with_directory = numbered(plain.clone());
    with_directory.push((
        "DICOMDIR".into(),
        write_file(directory, uids::EXPLICIT_VR_LITTLE_ENDIAN),
    ));
    with_directory.push(("README.TXT".into(), b"a viewer for this disc".to_vec()));
    with_directory.push(("__MACOSX/._0.dcm".into(), vec![0, 5, 22, 7, 0, 2, 0, 0]));
    let nested = zip_of(&[(
        "study.zip".into(),
        zip_of(&[("inner.zip".into(), zip_of(&numbered(plain.clone())))]),
    )]);
    let zip_per_slice: Vec<(String, Vec<u8>)> = files(1, |image| image.series(image.place))
        .into_iter()
        .enumerate()
        .map(|(index, file)| (format!("{index}.zip"), zip_of(&[("image".into(), file)])))
        .collect();
    let behind = |more: &'static [u8]| {
        let extended = plain.iter().map(|file| [file.as_slice(), more].concat());
        extended.collect::<Vec<_>>()
    };
    let whole = |name: &str, upload: Vec<u8>| Variant::of_upload(name, upload, Right::Whole);
    check(&[
        whole(
            "names in cp866",
            named(&|name| IBM866.encode(name).0.into_owned()),
        ),
        whole(
            "names in cp1251",
            named(&|name| WINDOWS_1251.encode(name).0.into_owned()),
        ),
        whole("names in UTF-8", named(&|name| name.as_bytes().to_vec())),
        whole(
            "stored",
            zip_with(&numbered(plain.clone()), zip::CompressionMethod::Stored),
        ),
        whole("three archives deep", nested),
        whole("an archive for every slice", zip_of(&zip_per_slice)),
        whole(
            "with a DICOMDIR and what else lies on a disc",
            zip_of(&with_directory),
        ),
        Variant::of_files("zeros behind the pixels", behind(&[0; 333]), Right::Whole),
        Variant::of_files(
            "text behind the pixels",
            behind(b"<html>error</html>\r\n"),
            Right::Whole,
        ),
        Variant::of_files(
            "padding of undefined length behind the pixels",
            behind(b"\xFC\xFF\xFC\xFFOB\0\0\xFF\xFF\xFF\xFF\0\0"),
            Right::Whole,
        ),
    ]);
}

#[test]
fn however_it_is_written_the_volume_is_the_same() {
    let written = |syntax: &'static str| files(1, |image| image.syntax = syntax);
    let mixed = files(1, |image| {
        let syntaxes = [
            uids::EXPLICIT_VR_LITTLE_ENDIAN,
            uids::IMPLICIT_VR_LITTLE_ENDIAN,
            BIG_ENDIAN,
            uids::JPEGLS_LOSSLESS,
            uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        ];
        image.syntax = syntaxes[image.place % syntaxes.len()];
    });
    let bare = images(1, |_| ())
        .into_iter()
        .map(|image| write_data_set(&image.object, uids::IMPLICIT_VR_LITTLE_ENDIAN))
        .collect();
    let reversed = images(1, |image| image.number(image.place + 1))
        .into_iter()
        .rev()
        .map(Image::bytes)
        .collect();
    let localized = {
        let mut all = images(1, |_| ());
        // Under the series' own UID.
        for number in 0..2 {
            let mut localizer = all[number].copy();
            localizer.set(tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\LOCALIZER");
            localizer.set(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\0\\-1");
            localizer.set(tags::SOP_INSTANCE_UID, VR::UI, format!("1.2.9.{number}"));
            all.push(localizer);
        }
        all.into_iter().map(Image::bytes).collect()
    };
    check(&[
        Variant::of_files(
            "implicit VR",
            written(uids::IMPLICIT_VR_LITTLE_ENDIAN),
            Right::Whole,
        ),
        Variant::of_files("big endian", written(BIG_ENDIAN), Right::Whole),
        Variant::of_files("every slice otherwise", mixed, Right::Whole),
        Variant::of_files("without preamble", bare, Right::Whole),
        Variant::of_files("from the feet", reversed, Right::Whole),
        Variant::of_files("localizers in the series", localized, Right::Whole),
        Variant::of_files(
            "no instance UIDs",
            files(1, |image| image.drop(tags::SOP_INSTANCE_UID)),
            Right::Whole,
        ),
        Variant::of_files(
            "one instance UID for all",
            files(1, |image| image.set(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3")),
            Right::Whole,
        ),
        Variant::of_files(
            "no series and no study",
            files(1, |image| {
                image.drop(tags::SERIES_INSTANCE_UID);
                image.drop(tags::STUDY_INSTANCE_UID);
            }),
            Right::Whole,
        ),
    ]);
}
