//! Messages of peers that are led by hand, over the associations of `dicom-ul`.

use dicom_ul::pdu::{PDataValue, PDataValueType, Pdu};

pub(crate) fn pdata(context: u8, value_type: PDataValueType, data: Vec<u8>) -> Pdu {
    Pdu::PData {
        data: vec![PDataValue {
            presentation_context_id: context,
            value_type,
            is_last: true,
            data,
        }],
    }
}

/// The command and the data set of the next message.
pub(crate) fn message(mut receive: impl FnMut() -> Pdu) -> (Vec<u8>, Vec<u8>) {
    let (mut command, mut data_set) = (Vec::new(), Vec::new());
    let mut is_whole = false;
    while !is_whole {
        let Pdu::PData { data } = receive() else {
            panic!("no message")
        };
        for value in data {
            match value.value_type {
                PDataValueType::Command => command.extend(value.data),
                PDataValueType::Data => data_set.extend(value.data),
            }
            let has_data_set = !command.is_empty() && number(&command, 0x0800) != 0x0101;
            is_whole = value.is_last && (value.value_type == PDataValueType::Data || !has_data_set);
        }
    }
    (command, data_set)
}

pub(crate) fn command(elements: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let body: Vec<u8> = elements
        .iter()
        .flat_map(|(number, value)| element((0, *number), value))
        .collect();
    let mut bytes = element((0, 0), &(body.len() as u32).to_le_bytes());
    bytes.extend(body);
    bytes
}

/// Implicit VR little endian.
pub(crate) fn element(tag: (u16, u16), value: &[u8]) -> Vec<u8> {
    let mut bytes = tag.0.to_le_bytes().to_vec();
    bytes.extend(tag.1.to_le_bytes());
    bytes.extend((value.len() as u32).to_le_bytes());
    bytes.extend(value);
    bytes
}

pub(crate) fn text(uid: &str) -> Vec<u8> {
    let mut bytes = uid.as_bytes().to_vec();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

/// Of a command.
pub(crate) fn number(command: &[u8], wanted: u16) -> u16 {
    let mut rest = command;
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let length = u32::from_le_bytes(head[4..].try_into().unwrap()) as usize;
        if u16::from_le_bytes([head[2], head[3]]) == wanted {
            return u16::from_le_bytes(after[..2].try_into().unwrap());
        }
        rest = &after[length..];
    }
    panic!("no element {wanted:04X}");
}
