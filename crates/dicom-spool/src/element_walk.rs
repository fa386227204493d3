//! The study and the manufacturer of a file, found by a walk along its elements (PS3.5 section 7.1).

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::{DeflateDecoder, ZlibDecoder};
use norma_dicom_elements::stream::{read_header, skip_bytes, skip_value};
use norma_dicom_elements::{DEFLATED_START_BYTES, ElementHeader, Encoding, is_wrapped_as_zlib};
use norma_domain::StudyInstanceUid;

const HEAD_BYTES: u64 = 128;
const WALKED_BYTES: u64 = 64 << 20;
const BUFFER_BYTES: usize = 16 << 10;
/// Of a value that is read: UIDs, and names of 64 characters.
const LONGEST_TEXT: u32 = 66;

const GROUP_LENGTH: u32 = 0x0002_0000;
const SOP_CLASS: u32 = 0x0002_0002;
const SOP_INSTANCE: u32 = 0x0002_0003;
const TRANSFER_SYNTAX: u32 = 0x0002_0010;
const SOURCE_TITLE: u32 = 0x0002_0016;
const OWN_SOP_CLASS: u32 = 0x0008_0016;
const OWN_SOP_INSTANCE: u32 = 0x0008_0018;
const MANUFACTURER: u32 = 0x0008_0070;
const STUDY_INSTANCE_UID: u32 = 0x0020_000D;
const SERIES_INSTANCE_UID: u32 = 0x0020_000E;
const INSTANCES_OF_STUDY: u32 = 0x0020_1208;
const INSTANCES_OF_SERIES: u32 = 0x0020_1209;
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";

/// The study of a file of PS3.10; None where it names none, or is not well-formed up to there.
pub(crate) fn study_instance_uid(file: impl Read) -> io::Result<Option<StudyInstanceUid>> {
    let found = text_of(file, STUDY_INSTANCE_UID)?;
    Ok(found.and_then(|uid| StudyInstanceUid::new(&uid).ok()))
}

/// (0008,0070) of a file of PS3.10; None where it names none, or is not well-formed up to there.
pub(crate) fn manufacturer(file: impl Read) -> io::Result<Option<String>> {
    text_of(file, MANUFACTURER)
}

/// (0008,0016) and (0008,0018) of a file of PS3.10; None of each that it does not name, or is not well-formed up to.
pub(crate) fn own_names(file: impl Read) -> io::Result<[Option<String>; 2]> {
    texts_of(file, [OWN_SOP_CLASS, OWN_SOP_INSTANCE])
}

/// (0020,000E) of a file of PS3.10; None where it names none, or is not well-formed up to there.
pub(crate) fn series_instance_uid(file: impl Read) -> io::Result<Option<String>> {
    text_of(file, SERIES_INSTANCE_UID)
}

/// (0020,000E), (0020,1208) and (0020,1209) of a file of PS3.10: its series, and how many instances its study and its series have. None of
/// each that it does not say, or is not well-formed up to.
pub(crate) fn stated_counts(file: impl Read) -> io::Result<[Option<String>; 3]> {
    texts_of(
        file,
        [SERIES_INSTANCE_UID, INSTANCES_OF_STUDY, INSTANCES_OF_SERIES],
    )
}

/// (0002,0016) of a file of PS3.10, who sent it; None where it does not say.
pub(crate) fn source_title(file: impl Read) -> io::Result<Option<String>> {
    let [title] = named_before_data_set(file, [SOURCE_TITLE])?;
    Ok(title)
}

fn text_of(file: impl Read, wanted: u32) -> io::Result<Option<String>> {
    let [text] = texts_of(file, [wanted])?;
    Ok(text)
}

/// The texts of elements of a file of PS3.10, whose tags ascend; those that were read before it turns out to be not well-formed stay.
fn texts_of<const N: usize>(file: impl Read, wanted: [u32; N]) -> io::Result<[Option<String>; N]> {
    let mut found = [const { None }; N];
    let file = BufReader::with_capacity(BUFFER_BYTES, file.take(WALKED_BYTES));
    match find(file, wanted, &mut found) {
        Ok(()) => Ok(found),
        Err(error)
            if matches!(
                error.kind(),
                // The last is what a deflated data set that is none fails with.
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
            ) =>
        {
            Ok(found)
        }
        Err(error) => Err(error),
    }
}

/// The SOP class that a file of PS3.10 names before its data set; None where it names none, or is not well-formed up to there.
pub(crate) fn sop_class(file: impl Read) -> io::Result<Option<String>> {
    let [class] = named_before_data_set(file, [SOP_CLASS])?;
    Ok(class)
}

/// The SOP Instance UID that a file of PS3.10 names before its data set; None where it names none, or is not well-formed up to there.
pub fn sop_instance_before_data_set(file: impl Read) -> io::Result<Option<String>> {
    let [instance] = named_before_data_set(file, [SOP_INSTANCE])?;
    Ok(instance)
}

/// Both of them, the instance first; None where one is missing.
pub(crate) fn instance_before_data_set(file: impl Read) -> io::Result<Option<(String, String)>> {
    let [class, instance] = named_before_data_set(file, [SOP_CLASS, SOP_INSTANCE])?;
    Ok(instance.zip(class))
}

fn named_before_data_set<const N: usize>(
    file: impl Read,
    wanted: [u32; N],
) -> io::Result<[Option<String>; N]> {
    let mut file = BufReader::with_capacity(BUFFER_BYTES, file.take(WALKED_BYTES));
    match meta_before_data_set(&mut file, wanted) {
        Ok(found) => {
            let found = found.unwrap_or([const { String::new() }; N]);
            Ok(found.map(|uid| Some(uid).filter(|uid| !uid.is_empty())))
        }
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData
            ) =>
        {
            Ok([const { None }; N])
        }
        Err(error) => Err(error),
    }
}

/// Reads a file of PS3.10 up to its data set, and says in which transfer syntax that is; None where it is none.
pub(crate) fn transfer_syntax_before_data_set(file: &mut impl BufRead) -> io::Result<Option<String>> {
    Ok(meta_before_data_set(file, [TRANSFER_SYNTAX])?.map(|[found]| found))
}

/// What a file says in elements before its data set, empty where it does not have one. Reads up to the data set.
fn meta_before_data_set<const N: usize>(
    file: &mut impl BufRead,
    wanted: [u32; N],
) -> io::Result<Option<[String; N]>> {
    skip_bytes(file, HEAD_BYTES)?;
    let mut mark = [0; 4];
    file.read_exact(&mut mark)?;
    if &mark != b"DICM" {
        return Ok(None);
    }
    let group = read_header(file, Encoding::EXPLICIT_LITTLE)?;
    if group.tag != GROUP_LENGTH || group.length != 4 {
        return Ok(None);
    }
    let mut length = [0; 4];
    file.read_exact(&mut length)?;
    let mut meta = file.take(u32::from_le_bytes(length).into());
    let mut found = [const { String::new() }; N];
    while !meta.fill_buf()?.is_empty() {
        let element = read_header(&mut meta, Encoding::EXPLICIT_LITTLE)?;
        match wanted.iter().position(|tag| *tag == element.tag) {
            Some(at) => found[at] = read_text(&mut meta, &element)?,
            None => skip_bytes(&mut meta, element.length.into())?,
        }
    }
    Ok(Some(found))
}

fn find<const N: usize>(
    mut file: impl BufRead,
    wanted: [u32; N],
    found: &mut [Option<String>; N],
) -> io::Result<()> {
    let Some(transfer_syntax) = transfer_syntax_before_data_set(&mut file)? else {
        return Ok(());
    };
    let encoding = Encoding::of_transfer_syntax(&transfer_syntax);
    if transfer_syntax == DEFLATED {
        let start = file.fill_buf()?;
        let is_wrapped = is_wrapped_as_zlib(&start[..start.len().min(DEFLATED_START_BYTES)]);
        let inflated: Box<dyn Read + '_> = if is_wrapped {
            Box::new(ZlibDecoder::new(file))
        } else {
            Box::new(DeflateDecoder::new(file))
        };
        let mut inflated = BufReader::with_capacity(BUFFER_BYTES, inflated.take(WALKED_BYTES));
        return walk(&mut inflated, encoding, wanted, found);
    }
    walk(&mut file, encoding, wanted, found)
}

/// Elements come in the order of their tags.
fn walk<const N: usize>(
    data_set: &mut dyn BufRead,
    encoding: Encoding,
    wanted: [u32; N],
    found: &mut [Option<String>; N],
) -> io::Result<()> {
    let Some(&last) = wanted.last() else {
        return Ok(());
    };
    while !data_set.fill_buf()?.is_empty() {
        let element = read_header(data_set, encoding)?;
        if element.tag > last {
            return Ok(());
        }
        match wanted.iter().position(|tag| *tag == element.tag) {
            Some(at) => {
                let text = read_text(data_set, &element)?;
                found[at].get_or_insert(text);
            }
            None => skip_value(data_set, &element, encoding)?,
        }
        if element.tag == last {
            return Ok(());
        }
    }
    Ok(())
}

fn read_text(reader: &mut dyn BufRead, element: &ElementHeader) -> io::Result<String> {
    if element.length > LONGEST_TEXT {
        return Err(malformed());
    }
    let mut bytes = vec![0; element.length as usize];
    reader.read_exact(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(|_| malformed())?;
    Ok(text.trim_matches(['\0', ' ']).to_owned())
}

fn malformed() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use norma_dicom_elements::{ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER, UNDEFINED_LENGTH};

    use super::*;

    const EXPLICIT: Encoding = Encoding::EXPLICIT_LITTLE;
    const IMPLICIT: Encoding = Encoding::IMPLICIT_LITTLE;
    const BIG_ENDIAN: Encoding = Encoding::EXPLICIT_BIG;

    fn element(
        bytes: &mut Vec<u8>,
        encoding: Encoding,
        tag: u32,
        vr: &[u8; 2],
        value: &[u8],
        length: Option<u32>,
    ) {
        let mut put = |value: u32, width: usize| {
            let (le, be) = (value.to_le_bytes(), value.to_be_bytes());
            bytes.extend(if encoding.big_endian {
                &be[4 - width..]
            } else {
                &le[..width]
            });
        };
        put(tag >> 16, 2);
        put(tag & 0xFFFF, 2);
        let length = length.unwrap_or(value.len() as u32);
        if !encoding.explicit || tag >> 16 == 0xFFFE {
            put(length, 4);
        } else if matches!(vr, b"SQ" | b"UN") {
            bytes.extend(vr);
            bytes.extend([0, 0]);
            let mut put = |value: u32| {
                bytes.extend(if encoding.big_endian {
                    value.to_be_bytes()
                } else {
                    value.to_le_bytes()
                });
            };
            put(length);
        } else {
            bytes.extend(vr);
            let short = length as u16;
            bytes.extend(if encoding.big_endian {
                short.to_be_bytes()
            } else {
                short.to_le_bytes()
            });
        }
        bytes.extend(value);
    }

    fn data_set(encoding: Encoding, uid: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        element(&mut bytes, encoding, 0x0008_0060, b"CS", b"CT", None);
        // A sequence of undefined length, in it one item that is too, in it the UID of another study.
        element(
            &mut bytes,
            encoding,
            0x0008_1110,
            b"SQ",
            b"",
            Some(UNDEFINED_LENGTH),
        );
        element(&mut bytes, encoding, ITEM, b"SQ", b"", Some(UNDEFINED_LENGTH));
        element(&mut bytes, encoding, STUDY_INSTANCE_UID, b"UI", b"9.9.9\0", None);
        element(&mut bytes, encoding, ITEM_DELIMITER, b"SQ", b"", None);
        element(&mut bytes, encoding, SEQUENCE_DELIMITER, b"SQ", b"", None);
        element(
            &mut bytes,
            encoding,
            0x0009_1001,
            b"UN",
            b"",
            Some(UNDEFINED_LENGTH),
        );
        element(&mut bytes, IMPLICIT, ITEM, b"SQ", b"", Some(UNDEFINED_LENGTH));
        element(&mut bytes, IMPLICIT, 0x0008_0060, b"CS", b"CT", None);
        element(&mut bytes, IMPLICIT, ITEM_DELIMITER, b"SQ", b"", None);
        element(&mut bytes, IMPLICIT, SEQUENCE_DELIMITER, b"SQ", b"", None);
        element(
            &mut bytes,
            encoding,
            STUDY_INSTANCE_UID,
            b"UI",
            uid.as_bytes(),
            None,
        );
        bytes
    }

    fn file(transfer_syntax: &str, data_set: &[u8]) -> Vec<u8> {
        let mut meta = Vec::new();
        element(
            &mut meta,
            EXPLICIT,
            TRANSFER_SYNTAX,
            b"UI",
            transfer_syntax.as_bytes(),
            None,
        );
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM");
        element(
            &mut bytes,
            EXPLICIT,
            GROUP_LENGTH,
            b"UL",
            &(meta.len() as u32).to_le_bytes(),
            None,
        );
        bytes.extend(meta);
        bytes.extend(data_set);
        bytes
    }

    fn found(file: &[u8]) -> Option<String> {
        study_instance_uid(file).unwrap().map(String::from)
    }

    #[test]
    fn the_study_is_found_in_every_encoding_and_not_in_sequences() {
        let uid = Some("1.2.3.4".to_owned());
        let implicit = data_set(IMPLICIT, "1.2.3.4\0");
        // Without an explicit representation nobody knows that a sequence is unknown.
        assert_eq!(found(&file("1.2.840.10008.1.2\0", &implicit)), uid);
        assert_eq!(
            found(&file("1.2.840.10008.1.2.1", &data_set(EXPLICIT, "1.2.3.4\0"))),
            uid
        );
        assert_eq!(
            found(&file("1.2.840.10008.1.2.4.90", &data_set(EXPLICIT, "1.2.3.4"))),
            uid
        );
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflated.write_all(&data_set(EXPLICIT, "1.2.3.4")).unwrap();
        let deflated = deflated.finish().unwrap();
        assert_eq!(found(&file("1.2.840.10008.1.2.1.99", &deflated)), uid);
        let mut big = Vec::new();
        element(&mut big, BIG_ENDIAN, 0x0008_0060, b"CS", b"CT", None);
        element(&mut big, BIG_ENDIAN, STUDY_INSTANCE_UID, b"UI", b"1.2.3.4", None);
        assert_eq!(found(&file("1.2.840.10008.1.2.2", &big)), uid);
    }

    #[test]
    fn the_manufacturer_is_found_outside_of_sequences() {
        let of = |own: Option<&[u8]>| {
            let mut bytes = Vec::new();
            element(
                &mut bytes,
                EXPLICIT,
                0x0008_0051,
                b"SQ",
                b"",
                Some(UNDEFINED_LENGTH),
            );
            element(&mut bytes, EXPLICIT, ITEM, b"SQ", b"", Some(UNDEFINED_LENGTH));
            element(&mut bytes, EXPLICIT, MANUFACTURER, b"LO", b"Other ", None);
            element(&mut bytes, EXPLICIT, ITEM_DELIMITER, b"SQ", b"", None);
            element(&mut bytes, EXPLICIT, SEQUENCE_DELIMITER, b"SQ", b"", None);
            if let Some(own) = own {
                element(&mut bytes, EXPLICIT, MANUFACTURER, b"LO", own, None);
            }
            element(&mut bytes, EXPLICIT, STUDY_INSTANCE_UID, b"UI", b"1.2.3\0", None);
            manufacturer(file("1.2.840.10008.1.2.1", &bytes).as_slice()).unwrap()
        };
        assert_eq!(of(Some(b"Norma ")).as_deref(), Some("Norma"));
        assert_eq!(of(Some(b"")).as_deref(), Some(""));
        assert_eq!(of(None), None);
        assert_eq!(of(Some(&[b'x'; 80])), None);
    }

    #[test]
    fn what_is_not_well_formed_has_no_study_and_ends() {
        let whole = file("1.2.840.10008.1.2.1", &data_set(EXPLICIT, "1.2.3.4\0"));
        for end in 0..whole.len() - 1 {
            assert_eq!(found(&whole[..end]), None, "cut at {end}");
        }
        // Any byte may lie: no panic, no other study than by that byte.
        for at in 132..whole.len() {
            for value in [0, 1, 0x7F, 0xFE, 0xFF] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let _ = found(&bytes);
            }
        }
        let mut deep = Vec::new();
        for _ in 0..1000 {
            element(
                &mut deep,
                EXPLICIT,
                0x0008_1110,
                b"SQ",
                b"",
                Some(UNDEFINED_LENGTH),
            );
            element(&mut deep, EXPLICIT, ITEM, b"SQ", b"", Some(UNDEFINED_LENGTH));
        }
        assert_eq!(found(&file("1.2.840.10008.1.2.1", &deep)), None);
        let none = file("1.2.840.10008.1.2.1", &[]);
        assert_eq!(found(&none), None);
    }
}
