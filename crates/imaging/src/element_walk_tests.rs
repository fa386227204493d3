//! Elements written by hand, in every encoding and with every kind of lie.

use norma_dicom_elements::{UNDEFINED_LENGTH, has_short_length};

use super::*;

const MODALITY: u32 = 0x0008_0060;
const PRIVATE: u32 = 0x0029_1010;
const PLANE_POSITION: u32 = 0x0020_9113;
const POSITION: u32 = 0x0020_0032;

fn tag(encoding: Encoding, tag: u32) -> Vec<u8> {
    let (group, element) = ((tag >> 16) as u16, tag as u16);
    if encoding.big_endian {
        [group.to_be_bytes(), element.to_be_bytes()].concat()
    } else {
        [group.to_le_bytes(), element.to_le_bytes()].concat()
    }
}

fn long(encoding: Encoding, length: u32) -> [u8; 4] {
    if encoding.big_endian {
        length.to_be_bytes()
    } else {
        length.to_le_bytes()
    }
}

/// An element with a length of its own, which may lie.
fn element(encoding: Encoding, which: u32, vr: [u8; 2], length: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = tag(encoding, which);
    if !encoding.explicit || which >> 16 == 0xFFFE {
        bytes.extend(long(encoding, length));
    } else if has_short_length(vr) {
        let length = length as u16;
        bytes.extend(vr);
        bytes.extend(if encoding.big_endian {
            length.to_be_bytes()
        } else {
            length.to_le_bytes()
        });
    } else {
        bytes.extend(vr);
        bytes.extend([0, 0]);
        bytes.extend(long(encoding, length));
    }
    bytes.extend_from_slice(value);
    bytes
}

fn honest(encoding: Encoding, which: u32, vr: [u8; 2], value: &[u8]) -> Vec<u8> {
    element(encoding, which, vr, u32::try_from(value.len()).unwrap(), value)
}

fn walk(bytes: &[u8], encoding: Encoding) -> Result<(DataSet, Option<PixelElement>), ElementError> {
    walk_elements(bytes, 0, bytes.len() as u64, encoding)
}

const ENCODINGS: [Encoding; 3] = [
    Encoding::IMPLICIT_LITTLE,
    Encoding::EXPLICIT_LITTLE,
    Encoding::EXPLICIT_BIG,
];

#[test]
fn wanted_values_are_kept_and_others_passed_over_in_every_encoding() {
    for encoding in ENCODINGS {
        let bytes = [
            honest(encoding, MODALITY, *b"CS", b"CT"),
            honest(encoding, PRIVATE, *b"UN", &[7; 300]),
            honest(encoding, 0x0028_0010, *b"US", &[0, 2]),
            element(encoding, PIXEL_DATA, *b"OW", 5000, b"the rest is not looked at"),
        ]
        .concat();
        let (set, pixels) = walk(&bytes, encoding).unwrap();
        assert_eq!(set.elements.len(), 2, "{encoding:?}");
        assert_eq!(set.bytes(MODALITY, &bytes), Some(&b"CT"[..]));
        let pixels = pixels.unwrap();
        assert_eq!(
            (pixels.length, pixels.offset as usize),
            (Some(5000), bytes.len() - 25)
        );
    }
}

#[test]
fn sequences_of_known_and_unknown_length_are_the_same() {
    for encoding in ENCODINGS {
        let inner = honest(encoding, POSITION, *b"DS", b"1\\2\\3 ");
        let end_of_item = element(encoding, ITEM_DELIMITER, *b"  ", 0, &[]);
        let end = element(encoding, SEQUENCE_DELIMITER, *b"  ", 0, &[]);
        let known = honest(encoding, ITEM, *b"  ", &inner);
        let unknown = [
            element(encoding, ITEM, *b"  ", UNDEFINED_LENGTH, &inner),
            end_of_item,
        ]
        .concat();
        for item in [known, unknown] {
            for sequence in [
                honest(encoding, PLANE_POSITION, *b"SQ", &item),
                element(
                    encoding,
                    PLANE_POSITION,
                    *b"SQ",
                    UNDEFINED_LENGTH,
                    &[item.clone(), end.clone()].concat(),
                ),
            ] {
                let bytes = [sequence, honest(encoding, 0x0028_0010, *b"US", &[0, 2])].concat();
                let (set, _) = walk(&bytes, encoding).unwrap();
                let item = set.first_item(PLANE_POSITION).unwrap();
                assert_eq!(
                    item.bytes(POSITION, &bytes),
                    Some(&b"1\\2\\3 "[..]),
                    "{encoding:?}"
                );
                assert!(set.bytes(0x0028_0010, &bytes).is_some(), "what follows is found");
            }
        }
    }
}

#[test]
fn a_sequence_written_as_unknown_is_read_as_implicit() {
    let explicit = Encoding::EXPLICIT_LITTLE;
    let inner = honest(Encoding::IMPLICIT_LITTLE, POSITION, *b"DS", b"1\\2\\3 ");
    let item = honest(explicit, ITEM, *b"  ", &inner);
    let bytes = honest(explicit, PLANE_POSITION, *b"UN", &item);
    let (set, _) = walk(&bytes, explicit).unwrap();
    assert!(
        set.first_item(PLANE_POSITION)
            .unwrap()
            .bytes(POSITION, &bytes)
            .is_some()
    );
}

#[test]
fn pixels_inside_a_sequence_are_not_the_image() {
    let encoding = Encoding::EXPLICIT_LITTLE;
    let fragments = [
        element(encoding, ITEM, *b"  ", 0, &[]),
        honest(encoding, ITEM, *b"  ", b"icon"),
        element(encoding, SEQUENCE_DELIMITER, *b"  ", 0, &[]),
    ]
    .concat();
    let icon = element(encoding, PIXEL_DATA, *b"OB", UNDEFINED_LENGTH, &fragments);
    let bytes = [
        honest(
            encoding,
            0x0088_0200,
            *b"SQ",
            &honest(encoding, ITEM, *b"  ", &icon),
        ),
        honest(encoding, MODALITY, *b"CS", b"CT"),
    ]
    .concat();
    let (set, pixels) = walk(&bytes, encoding).unwrap();
    assert_eq!(pixels, None);
    assert!(set.bytes(MODALITY, &bytes).is_some());
    let open = [element(
        encoding,
        0x0088_0200,
        *b"SQ",
        UNDEFINED_LENGTH,
        &element(encoding, ITEM, *b"  ", UNDEFINED_LENGTH, &icon),
    )]
    .concat();
    assert!(walk(&open, encoding).is_err(), "neither item nor sequence ends");
}

#[test]
fn lengths_beyond_what_holds_them_are_lies() {
    for encoding in ENCODINGS {
        for length in [0x0000_4000, 0x7FFF_FFFF, 0xFFFF_FFFE] {
            let vr = if encoding.explicit { *b"OB" } else { *b"  " };
            let bytes = element(encoding, PRIVATE, vr, length, &[0; 20]);
            assert!(
                matches!(
                    walk(&bytes, encoding),
                    Err(ElementError::Lying { available: 20, .. })
                ),
                "{encoding:?}"
            );
            // The same inside an item that is itself honest.
            let item = honest(encoding, ITEM, *b"  ", &bytes);
            let nested = honest(encoding, PLANE_POSITION, *b"SQ", &item);
            let longer = [nested, vec![0; 0x5000]].concat();
            assert!(
                matches!(walk(&longer, encoding), Err(ElementError::Lying { .. })),
                "{encoding:?}"
            );
        }
    }
}

#[test]
fn a_prefix_asks_for_more_but_only_where_there_is_more() {
    let encoding = Encoding::EXPLICIT_LITTLE;
    let bytes = [
        honest(encoding, PRIVATE, *b"OB", &[0; 500]),
        honest(encoding, MODALITY, *b"CS", b"CT"),
    ]
    .concat();
    let total = bytes.len() as u64;
    for part in [0, 5, 100, 512, bytes.len() - 1] {
        assert_eq!(
            walk_elements(&bytes[..part], 0, total, encoding).unwrap_err(),
            ElementError::NeedMore,
            "{part}"
        );
    }
    assert!(walk_elements(&bytes, 0, total, encoding).is_ok());
}

#[test]
fn depth_is_limited() {
    let encoding = Encoding::EXPLICIT_LITTLE;
    let mut bytes = Vec::new();
    for _ in 0..100_000 {
        bytes.extend(element(
            encoding,
            PRIVATE,
            *b"SQ",
            UNDEFINED_LENGTH,
            &element(encoding, ITEM, *b"  ", UNDEFINED_LENGTH, &[]),
        ));
    }
    assert!(matches!(walk(&bytes, encoding), Err(ElementError::Malformed(_))));
}
