//! The DICOM JSON model (PS3.18 annex F) of a data set.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use norma_dicom_elements::{
    ElementCursor, ElementError, ElementHeader, Encoding, ITEM, ITEM_DELIMITER, NO_REPRESENTATION,
    SEQUENCE_DELIMITER, representation_of,
};
use norma_imaging::CharacterSet;
use serde_json::{Number, Value, json};

use crate::index::Attributes;

/// Values of these many bytes stand in the JSON; longer ones of binary representations by a URI.
const INLINE_BYTES: usize = 1024;
const DEPTH_LIMIT: u32 = 24;
const SPECIFIC_CHARACTER_SET: u32 = 0x0008_0005;

/// A large value, little endian.
pub(crate) struct Bulk {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// The attributes of a data set, large values apart: their `BulkDataURI` is their path. What is damaged ends the list.
pub(crate) fn attributes_of(data: &[u8], encoding: Encoding) -> (Attributes, Vec<Bulk>) {
    let mut reader = Reader {
        cursor: ElementCursor::new(data, 0, data.len()),
        encoding,
        characters: CharacterSet::of(&[]),
        path: String::new(),
        bulk: Vec::new(),
    };
    let mut attributes = Attributes::new();
    let _ = reader.data_set(data.len(), false, 0, &mut attributes);
    (attributes, reader.bulk)
}

struct Reader<'data> {
    cursor: ElementCursor<'data>,
    encoding: Encoding,
    characters: CharacterSet,
    path: String,
    bulk: Vec<Bulk>,
}

impl<'data> Reader<'data> {
    fn data_set(
        &mut self,
        end: usize,
        is_open: bool,
        depth: u32,
        into: &mut Attributes,
    ) -> Result<(), ElementError> {
        if depth > DEPTH_LIMIT {
            return Err(ElementError::Malformed("sequences are nested too deeply"));
        }
        while self.cursor.position + 8 <= end {
            let header = self.header(end)?;
            match header.tag {
                ITEM_DELIMITER if is_open => return Ok(()),
                ITEM_DELIMITER | SEQUENCE_DELIMITER => continue,
                ITEM => return Err(ElementError::Malformed("an item stands outside a sequence")),
                _ => {}
            }
            let name = format!("{:08X}", header.tag);
            let parent = self.path.len();
            if parent > 0 {
                self.path.push('.');
            }
            self.path.push_str(&name);
            let value = if header.is_open() || &header.vr == b"SQ" {
                self.sequence(&header, end, depth)
            } else {
                self.take(header.length, end)
                    .map(|bytes| self.value(header.tag, header.vr, bytes))
            };
            self.path.truncate(parent);
            let value = value?;
            // The length of a group, which nobody needs.
            if header.tag & 0xFFFF != 0 {
                into.insert(name, value);
            }
        }
        self.cursor.position = self.cursor.position.max(end);
        if is_open {
            return Err(ElementError::Malformed("an item has no end"));
        }
        Ok(())
    }

    fn sequence(&mut self, header: &ElementHeader, end: usize, depth: u32) -> Result<Value, ElementError> {
        let is_open = header.is_open();
        let end = if is_open {
            end
        } else {
            self.cursor.end_of(header.length, end)?
        };
        let mut items = Vec::new();
        let parent = self.path.len();
        while self.cursor.position + 8 <= end {
            let item = self.cursor.item_header(self.encoding, end)?;
            match item.tag {
                ITEM => {
                    let item_end = if item.is_open() {
                        end
                    } else {
                        self.cursor.end_of(item.length, end)?
                    };
                    self.path.push_str(&format!(".{}", items.len()));
                    let characters = self.characters;
                    let mut attributes = Attributes::new();
                    let read = self.data_set(item_end, item.is_open(), depth + 1, &mut attributes);
                    self.characters = characters;
                    self.path.truncate(parent);
                    read?;
                    items.push(json!(attributes));
                }
                SEQUENCE_DELIMITER if is_open => break,
                _ => {
                    return Err(ElementError::Malformed(
                        "a sequence holds something that is no item",
                    ));
                }
            }
        }
        Ok(with_values("SQ", items))
    }

    /// With the representation that the dictionary says where the data set does not.
    fn header(&mut self, end: usize) -> Result<ElementHeader, ElementError> {
        let mut header = self.cursor.header(self.encoding, end)?;
        if header.vr == NO_REPRESENTATION {
            header.vr = representation_of(header.tag);
        }
        Ok(header)
    }

    fn take(&mut self, length: u32, end: usize) -> Result<&'data [u8], ElementError> {
        let own = self.cursor.end_of(length, end)?;
        let bytes = &self.cursor.data()[self.cursor.position..own];
        self.cursor.position = own;
        Ok(bytes)
    }

    fn value(&mut self, tag: u32, vr: [u8; 2], bytes: &[u8]) -> Value {
        let name = std::str::from_utf8(&vr).unwrap_or("UN").to_owned();
        let is_big_endian = self.encoding.big_endian;
        let values = match &vr {
            b"PN" => self.texts(bytes).iter().map(|text| person(text)).collect(),
            b"IS" => self.texts(bytes).iter().map(|text| integer(text)).collect(),
            b"DS" => self.texts(bytes).iter().map(|text| decimal(text)).collect(),
            b"LT" | b"ST" | b"UT" | b"UR" => {
                let text = self.characters.decode(bytes);
                let text = text.trim_end_matches([' ', '\0']);
                if text.is_empty() {
                    Vec::new()
                } else {
                    vec![json!(text)]
                }
            }
            b"AE" | b"AS" | b"CS" | b"DA" | b"DT" | b"LO" | b"SH" | b"TM" | b"UC" | b"UI" => {
                let texts = self.texts(bytes);
                if tag == SPECIFIC_CHARACTER_SET {
                    self.characters = CharacterSet::of(&texts);
                    // JSON is UTF-8 (F.2.1).
                    return with_values("CS", vec![json!("ISO_IR 192")]);
                }
                texts
                    .iter()
                    .map(|text| if text.is_empty() { Value::Null } else { json!(text) })
                    .collect()
            }
            b"AT" => chunks::<4>(bytes)
                .map(|[a, b, c, d]| {
                    let (group, element) = (self.encoding.u16([a, b]), self.encoding.u16([c, d]));
                    json!(format!("{group:04X}{element:04X}"))
                })
                .collect(),
            b"US" => numbers(bytes, is_big_endian, |raw| json!(u16::from_le_bytes(raw))),
            b"SS" => numbers(bytes, is_big_endian, |raw| json!(i16::from_le_bytes(raw))),
            b"UL" => numbers(bytes, is_big_endian, |raw| json!(u32::from_le_bytes(raw))),
            b"SL" => numbers(bytes, is_big_endian, |raw| json!(i32::from_le_bytes(raw))),
            b"UV" => numbers(bytes, is_big_endian, |raw| json!(u64::from_le_bytes(raw))),
            b"SV" => numbers(bytes, is_big_endian, |raw| json!(i64::from_le_bytes(raw))),
            b"FL" => numbers(bytes, is_big_endian, |raw| {
                float(f64::from(f32::from_le_bytes(raw)))
            }),
            b"FD" => numbers(bytes, is_big_endian, |raw| float(f64::from_le_bytes(raw))),
            _ => return self.binary(&vr, &name, bytes),
        };
        with_values(&name, values)
    }

    fn binary(&mut self, vr: &[u8; 2], name: &str, bytes: &[u8]) -> Value {
        let little: Vec<u8> = match vr {
            b"OW" if self.encoding.big_endian => swapped::<2>(bytes),
            b"OF" | b"OL" if self.encoding.big_endian => swapped::<4>(bytes),
            b"OD" | b"OV" if self.encoding.big_endian => swapped::<8>(bytes),
            _ => bytes.to_vec(),
        };
        match little.len() {
            0 => json!({ "vr": name }),
            1..=INLINE_BYTES => json!({ "vr": name, "InlineBinary": STANDARD.encode(&little) }),
            _ => {
                self.bulk.push(Bulk {
                    path: self.path.clone(),
                    bytes: little,
                });
                json!({ "vr": name, "BulkDataURI": self.path })
            }
        }
    }

    /// The values of a text; none where there is nothing but padding.
    fn texts(&self, bytes: &[u8]) -> Vec<String> {
        let text = self.characters.decode(bytes);
        let text = text.trim_end_matches([' ', '\0']);
        if text.is_empty() {
            return Vec::new();
        }
        text.split('\\')
            .map(|value| value.trim_matches([' ', '\0']).to_owned())
            .collect()
    }
}

fn with_values(vr: &str, values: Vec<Value>) -> Value {
    let mut element = serde_json::Map::new();
    element.insert("vr".to_owned(), vr.into());
    if !values.iter().all(Value::is_null) {
        element.insert("Value".to_owned(), Value::Array(values));
    }
    Value::Object(element)
}

fn person(text: &str) -> Value {
    let groups: serde_json::Map<String, Value> = ["Alphabetic", "Ideographic", "Phonetic"]
        .into_iter()
        .zip(text.split('='))
        .filter(|(_, group)| !group.is_empty())
        .map(|(name, group)| (name.to_owned(), json!(group)))
        .collect();
    if groups.is_empty() {
        Value::Null
    } else {
        Value::Object(groups)
    }
}

fn integer(text: &str) -> Value {
    match text.trim_start_matches('+').parse::<i64>() {
        Ok(number) => json!(number),
        Err(_) if text.is_empty() => Value::Null,
        Err(_) => json!(text),
    }
}

fn decimal(text: &str) -> Value {
    match text.parse::<f64>() {
        Ok(number) => Number::from_f64(number).map_or_else(|| json!(text), Value::Number),
        Err(_) if text.is_empty() => Value::Null,
        Err(_) => json!(text),
    }
}

fn float(number: f64) -> Value {
    Number::from_f64(number).map_or_else(
        || {
            json!(if number.is_nan() {
                "NaN"
            } else if number > 0.0 {
                "inf"
            } else {
                "-inf"
            })
        },
        Value::Number,
    )
}

fn chunks<const COUNT: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; COUNT]> {
    bytes.as_chunks::<COUNT>().0.iter().copied()
}

fn numbers<const COUNT: usize>(
    bytes: &[u8],
    is_big_endian: bool,
    read: impl Fn([u8; COUNT]) -> Value,
) -> Vec<Value> {
    chunks::<COUNT>(bytes)
        .map(|mut raw| {
            if is_big_endian {
                raw.reverse();
            }
            read(raw)
        })
        .collect()
}

fn swapped<const COUNT: usize>(bytes: &[u8]) -> Vec<u8> {
    chunks::<COUNT>(bytes)
        .flat_map(|mut raw| {
            raw.reverse();
            raw
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(tag: [u8; 4], vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
        [&tag[..], vr, &(value.len() as u16).to_le_bytes(), value].concat()
    }

    #[test]
    fn values_by_their_representation() {
        let open = [0xFF; 4];
        let item = [
            &[0xFE, 0xFF, 0, 0xE0][..],
            &open,
            &short([8, 0, 0x50, 0x11], b"UI", b"1.2.3\0"),
            &[0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0],
        ]
        .concat();
        let data = [
            short([8, 0, 5, 0], b"CS", b"ISO_IR 144"),
            short([8, 0, 8, 0], b"CS", b"ORIGINAL\\\\AXIAL "),
            [
                &[8, 0, 0x40, 0x11][..],
                b"SQ\0\0",
                &open,
                &item,
                &[0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0],
            ]
            .concat(),
            short([16, 0, 16, 0], b"PN", &[0xBF, 0xD5, 0xE2, 0xE0, b'^', 0xB0]),
            short([16, 0, 32, 0], b"LO", b""),
            short([32, 0, 19, 0], b"IS", b" 12 "),
            short([32, 0, 0x32, 0], b"DS", b"-1.5\\2e1\\x"),
            short([40, 0, 16, 0], b"US", &[0, 2]),
            [&[41, 0, 16, 0][..], b"OB\0\0", &4u32.to_le_bytes(), &[1, 2, 3, 4]].concat(),
            [&[41, 0, 17, 0][..], b"OB\0\0", &2000u32.to_le_bytes(), &[7; 2000]].concat(),
        ]
        .concat();
        let (attributes, bulk) = attributes_of(&data, Encoding::EXPLICIT_LITTLE);
        assert_eq!(
            json!(attributes),
            json!({
                "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
                "00080008": {"vr": "CS", "Value": ["ORIGINAL", null, "AXIAL"]},
                "00081140": {"vr": "SQ", "Value": [{"00081150": {"vr": "UI", "Value": ["1.2.3"]}}]},
                "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Петр^А"}]},
                "00100020": {"vr": "LO"},
                "00200013": {"vr": "IS", "Value": [12]},
                "00200032": {"vr": "DS", "Value": [-1.5, 20.0, "x"]},
                "00280010": {"vr": "US", "Value": [512]},
                "00290010": {"vr": "OB", "InlineBinary": "AQIDBA=="},
                "00290011": {"vr": "OB", "BulkDataURI": "00290011"},
            })
        );
        assert_eq!((bulk.len(), bulk[0].bytes.len()), (1, 2000));
    }

    #[test]
    fn what_lies_about_its_length_ends_the_list() {
        let data = [
            short([8, 0, 0x60, 0], b"CS", b"CT"),
            short([8, 0, 0x70, 0], b"LO", b"A")[..8].to_vec(),
        ]
        .concat();
        let (attributes, _) = attributes_of(&data, Encoding::EXPLICIT_LITTLE);
        assert_eq!(attributes.len(), 1);
        for length in 0..data.len() {
            attributes_of(&data[..length], Encoding::EXPLICIT_LITTLE);
            attributes_of(&data[length..], Encoding::EXPLICIT_LITTLE);
        }
    }
}
