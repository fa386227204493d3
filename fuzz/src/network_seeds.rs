//! What the target `network` starts from.

use dicom_dictionary_std::uids;

use crate::network::{Framing, association_request, pdu};

const VERIFICATION: u8 = 1;
const CT: u8 = 3;
const COMMITMENT: u8 = 5;
/// Control headers of fragments (PS3.8 annex E.2): of a data set or a command, the last or not.
const DATA: u8 = 0;
const COMMAND: u8 = 1;
const LAST_DATA: u8 = 2;
const LAST_COMMAND: u8 = 3;

/// Inputs of the target.
pub fn network() -> Vec<Vec<u8>> {
    let uid = uids::CT_IMAGE_STORAGE;
    let instance = data_set(&[
        (0x0008_0016, uid.as_bytes()),
        (0x0008_0018, b"1.2.3.4"),
        (0x0020_000D, b"1.2.3"),
    ]);
    let (cut, rest) = instance.split_at(instance.len() / 2);
    let echo = fragment(VERIFICATION, LAST_COMMAND, &echo());
    let store = fragment(CT, LAST_COMMAND, &store("1.2.3.4"));
    let whole = [store.clone(), fragment(CT, LAST_DATA, &instance)].concat();
    let in_pieces = [
        fragment(CT, COMMAND, &self::store("1.2.3.5")[..20]),
        fragment(CT, LAST_COMMAND, &self::store("1.2.3.5")[20..]),
        fragment(CT, DATA, cut),
        fragment(CT, LAST_DATA, rest),
    ]
    .concat();
    let too_long = [
        store.clone(),
        fragment(CT, DATA, &[0; 250]).repeat(18),
        fragment(CT, LAST_DATA, &[0; 2]),
    ]
    .concat();
    let asked = [
        fragment(COMMITMENT, LAST_COMMAND, &action()),
        fragment(COMMITMENT, LAST_DATA, &commitment()),
    ]
    .concat();
    let report = fragment(COMMITMENT, LAST_COMMAND, &event_response());
    let told = [
        fragment(COMMITMENT, LAST_COMMAND, &event()),
        fragment(COMMITMENT, LAST_DATA, &commitment()),
    ]
    .concat();
    let messages = [
        told,
        echo.clone(),
        whole.clone(),
        in_pieces,
        too_long,
        asked.clone(),
        [asked, report].concat(),
        [echo, whole.repeat(3)].concat(),
        [store, fragment(VERIFICATION, LAST_DATA, &instance)].concat(),
    ];
    let release = pdu(5, &[0; 4]);
    let mut seeds: Vec<Vec<u8>> = messages
        .iter()
        .map(|content| Framing::Fragments.input(content))
        .collect();
    for content in &messages {
        let mut pdus = Vec::new();
        let mut rest = content.as_slice();
        while let Some((&[context, control, length], after)) = rest.split_first_chunk() {
            let (value, after) = after.split_at(usize::from(length).min(after.len()));
            let mut item = u32::try_from(value.len() + 2).unwrap_or(0).to_be_bytes().to_vec();
            item.extend([context, control]);
            item.extend_from_slice(value);
            pdus.push((4, item));
            rest = after;
        }
        pdus.push((5, vec![0; 4]));
        let framed = pdus.iter().flat_map(|(kind, body)| {
            let length = u8::try_from(body.len()).unwrap_or(u8::MAX);
            [&[*kind, length], body.as_slice()].concat()
        });
        seeds.push(Framing::Pdus.input(&framed.collect::<Vec<u8>>()));
        let sent: Vec<u8> = pdus.iter().flat_map(|(kind, body)| pdu(*kind, body)).collect();
        seeds.push(Framing::Associated.input(&sent));
        seeds.push(Framing::Plain.input(&[association_request(), sent].concat()));
    }
    seeds.push(Framing::Plain.input(&[association_request(), release].concat()));
    seeds.push(Framing::Plain.input(&[association_request(), pdu(7, &[0, 0, 0, 0])].concat()));
    seeds
}

/// As [`Framing::Fragments`] reads it.
fn fragment(context: u8, control: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
    [&[context, control, length], &value[..usize::from(length)]].concat()
}

/// Elements in Implicit VR Little Endian; values are padded with NUL.
fn data_set(elements: &[(u32, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (tag, value) in elements {
        let padded = value.len().next_multiple_of(2);
        bytes.extend(((tag >> 16) as u16).to_le_bytes());
        bytes.extend((*tag as u16).to_le_bytes());
        bytes.extend(u32::try_from(padded).unwrap_or(0).to_le_bytes());
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len() + padded - value.len(), 0);
    }
    bytes
}

const NO_DATA_SET: [u8; 2] = 0x0101_u16.to_le_bytes();
const WITH_DATA_SET: [u8; 2] = 1_u16.to_le_bytes();

fn echo() -> Vec<u8> {
    data_set(&[
        (0x0000_0002, uids::VERIFICATION.as_bytes()),
        (0x0000_0100, &0x0030_u16.to_le_bytes()),
        (0x0000_0110, &1_u16.to_le_bytes()),
        (0x0000_0800, &NO_DATA_SET),
    ])
}

fn store(instance: &str) -> Vec<u8> {
    data_set(&[
        (0x0000_0002, uids::CT_IMAGE_STORAGE.as_bytes()),
        (0x0000_0100, &0x0001_u16.to_le_bytes()),
        (0x0000_0110, &2_u16.to_le_bytes()),
        (0x0000_0700, &0_u16.to_le_bytes()),
        (0x0000_0800, &WITH_DATA_SET),
        (0x0000_1000, instance.as_bytes()),
    ])
}

fn action() -> Vec<u8> {
    data_set(&[
        (0x0000_0003, uids::STORAGE_COMMITMENT_PUSH_MODEL.as_bytes()),
        (0x0000_0100, &0x0130_u16.to_le_bytes()),
        (0x0000_0110, &3_u16.to_le_bytes()),
        (0x0000_0800, &WITH_DATA_SET),
        (
            0x0000_1001,
            uids::STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE.as_bytes(),
        ),
        (0x0000_1008, &1_u16.to_le_bytes()),
    ])
}

fn event() -> Vec<u8> {
    data_set(&[
        (0x0000_0002, uids::STORAGE_COMMITMENT_PUSH_MODEL.as_bytes()),
        (0x0000_0100, &0x0100_u16.to_le_bytes()),
        (0x0000_0110, &4_u16.to_le_bytes()),
        (0x0000_0800, &WITH_DATA_SET),
        (
            0x0000_1000,
            uids::STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE.as_bytes(),
        ),
        (0x0000_1002, &1_u16.to_le_bytes()),
    ])
}

/// The answer to a report, of a transaction that was not told of.
fn event_response() -> Vec<u8> {
    data_set(&[
        (0x0000_0100, &0x8100_u16.to_le_bytes()),
        (0x0000_0120, &1_u16.to_le_bytes()),
        (0x0000_0800, &NO_DATA_SET),
        (0x0000_0900, &0_u16.to_le_bytes()),
    ])
}

fn commitment() -> Vec<u8> {
    let reference = data_set(&[
        (0x0008_1150, uids::CT_IMAGE_STORAGE.as_bytes()),
        (0x0008_1155, b"1.2.3.4"),
    ]);
    let item = |value: &[u8]| {
        let length = u32::try_from(value.len()).unwrap_or(0).to_le_bytes();
        [&[0xFE, 0xFF, 0x00, 0xE0], length.as_slice(), value].concat()
    };
    data_set(&[(0x0008_1195, b"1.2.9"), (0x0008_1199, &item(&reference))])
}
