//! Reads the Native DICOM Model (PS3.19 annex A) of a data set into the DICOM JSON model.

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use serde_json::{Map, Number, Value};

use crate::index::Attributes;
use crate::native_model::{NAME_COMPONENTS, NAME_GROUPS};

const DEPTH_LIMIT: usize = 24;
/// Values of an attribute, and items of a sequence.
const MOST_VALUES: usize = 65_536;

/// The data set of a document; None where it is not well-formed, is none of this model or is nested too deeply. Entities of its own, and
/// other encodings than UTF-8, are not read.
pub fn read_native_model(xml: &[u8]) -> Option<Attributes> {
    let text = std::str::from_utf8(xml).ok()?;
    let mut parser = Parser {
        reader: Reader::from_str(text.trim_start_matches('\u{FEFF}')),
    };
    let root = parser.first()?;
    if local_name(&root)? != "NativeDicomModel" {
        return None;
    }
    let attributes = parser.data_set(0)?;
    parser.ends().then_some(attributes)
}

struct Parser<'xml> {
    reader: Reader<&'xml [u8]>,
}

/// What stands in an element.
enum Child<'xml> {
    Start(BytesStart<'xml>),
    Empty(BytesStart<'xml>),
    End,
}

impl<'xml> Parser<'xml> {
    /// The root element.
    fn first(&mut self) -> Option<BytesStart<'xml>> {
        loop {
            match self.reader.read_event().ok()? {
                Event::Start(start) => return Some(start),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Text(text) if is_blank(&text) => {}
                _ => return None,
            }
        }
    }

    fn ends(&mut self) -> bool {
        loop {
            match self.reader.read_event() {
                Ok(Event::Eof) => return true,
                Ok(Event::Comment(_) | Event::PI(_)) => {}
                Ok(Event::Text(text)) if is_blank(&text) => {}
                _ => return false,
            }
        }
    }

    /// The next element of an element that has no text of its own.
    fn child(&mut self) -> Option<Child<'xml>> {
        loop {
            match self.reader.read_event().ok()? {
                Event::Start(start) => return Some(Child::Start(start)),
                Event::Empty(start) => return Some(Child::Empty(start)),
                // The reader sees to it that it is the end of the right one.
                Event::End(_) => return Some(Child::End),
                Event::Comment(_) => {}
                Event::Text(text) if is_blank(&text) => {}
                _ => return None,
            }
        }
    }

    fn data_set(&mut self, depth: usize) -> Option<Attributes> {
        if depth > DEPTH_LIMIT {
            return None;
        }
        let mut attributes = Attributes::new();
        loop {
            match self.child()? {
                Child::Start(start) => {
                    let (tag, representation) = named(&start)?;
                    let attribute = self.attribute(&representation, depth)?;
                    attributes.insert(tag, attribute);
                }
                Child::Empty(start) => {
                    let (tag, representation) = named(&start)?;
                    attributes.insert(
                        tag,
                        Value::Object(Map::from_iter([("vr".to_owned(), representation.into())])),
                    );
                }
                Child::End => return Some(attributes),
            }
        }
    }

    fn attribute(&mut self, representation: &str, depth: usize) -> Option<Value> {
        let mut attribute = Map::from_iter([("vr".to_owned(), Value::from(representation))]);
        let mut values: Vec<Value> = Vec::new();
        loop {
            let (start, is_empty) = match self.child()? {
                Child::Start(start) => (start, false),
                Child::Empty(start) => (start, true),
                Child::End => break,
            };
            let name = local_name(&start)?;
            match name.as_str() {
                "InlineBinary" if !is_empty => {
                    let text: String = self.text()?.split_ascii_whitespace().collect();
                    attribute.insert(name, text.into());
                }
                "BulkData" => {
                    if let Some(uri) = value_of(&start, "uri") {
                        attribute.insert("BulkDataURI".to_owned(), uri.into());
                    }
                    if !is_empty {
                        self.text()?;
                    }
                }
                "Value" | "Item" | "PersonName" => {
                    let number: usize = value_of(&start, "number")?.trim().parse().ok()?;
                    if number <= values.len() || number > MOST_VALUES {
                        return None;
                    }
                    let value = match (name.as_str(), is_empty) {
                        ("Item", true) => Value::Object(Map::new()),
                        (_, true) => Value::Null,
                        ("Item", false) => Value::Object(self.data_set(depth + 1)?.into_iter().collect()),
                        ("PersonName", false) => self.person()?,
                        (_, false) => typed(representation, self.text()?),
                    };
                    values.resize(number - 1, Value::Null);
                    values.push(value);
                }
                _ => return None,
            }
        }
        if !values.is_empty() {
            attribute.insert("Value".to_owned(), Value::Array(values));
        }
        Some(Value::Object(attribute))
    }

    fn person(&mut self) -> Option<Value> {
        let mut groups = Map::new();
        loop {
            match self.child()? {
                Child::Start(start) => {
                    let group = local_name(&start)?;
                    if !NAME_GROUPS.contains(&group.as_str()) {
                        return None;
                    }
                    groups.insert(group, self.name()?.into());
                }
                Child::Empty(_) => {}
                Child::End => return Some(Value::Object(groups)),
            }
        }
    }

    fn name(&mut self) -> Option<String> {
        let mut components: [String; NAME_COMPONENTS.len()] = Default::default();
        loop {
            match self.child()? {
                Child::Start(start) => {
                    let name = local_name(&start)?;
                    let at = NAME_COMPONENTS.iter().position(|component| *component == name)?;
                    components[at] = self.text()?;
                }
                Child::Empty(_) => {}
                Child::End => return Some(components.join("^").trim_end_matches('^').to_owned()),
            }
        }
    }

    /// The text of an element, up to its end.
    fn text(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            match self.reader.read_event().ok()? {
                Event::Text(piece) => text.push_str(&piece.xml_content(XmlVersion::Implicit1_0).ok()?),
                Event::CData(piece) => text.push_str(&piece.decode().ok()?),
                Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                    Some(character) => text.push(character),
                    None => text.push_str(resolve_xml_entity(&reference.decode().ok()?)?),
                },
                Event::Comment(_) => {}
                Event::End(_) => return Some(text),
                _ => return None,
            }
        }
    }
}

/// As the JSON model has it: numbers of representations that are numbers.
fn typed(representation: &str, text: String) -> Value {
    let trimmed = text.trim();
    let number = match representation {
        "IS" | "US" | "SS" | "UL" | "SL" | "UV" | "SV" => {
            let signed = trimmed.trim_start_matches('+').parse::<i64>().map(Number::from);
            signed.or_else(|_| trimmed.parse::<u64>().map(Number::from)).ok()
        }
        "DS" | "FL" | "FD" => trimmed.parse::<f64>().ok().and_then(Number::from_f64),
        _ => None,
    };
    match number {
        Some(number) => Value::Number(number),
        None if text.is_empty() => Value::Null,
        None => Value::String(text),
    }
}

/// Tag and representation of an attribute.
fn named(start: &BytesStart<'_>) -> Option<(String, String)> {
    if local_name(start)? != "DicomAttribute" {
        return None;
    }
    Some((
        value_of(start, "tag")?.to_ascii_uppercase(),
        value_of(start, "vr")?,
    ))
}

/// The name without its prefix.
fn local_name(start: &BytesStart<'_>) -> Option<String> {
    let name = start.local_name();
    Some(std::str::from_utf8(name.as_ref()).ok()?.to_owned())
}

fn value_of(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = start.try_get_attribute(name).ok()??;
    Some(
        attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .ok()?
            .into_owned(),
    )
}

fn is_blank(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn model(inner: &str) -> String {
        format!("<?xml version=\"1.0\"?>\n<NativeDicomModel>{inner}</NativeDicomModel>")
    }

    #[test]
    fn what_others_write_is_read() {
        let xml = model(
            "\n <!-- a worklist -->\n <DicomAttribute tag=\"00741204\" vr=\"LO\"><Value number=\"1\"><![CDATA[a < b]]> &amp; &#x416;\
             </Value></DicomAttribute>\n <DicomAttribute tag=\"0040a370\" vr=\"SQ\"/>\n\
             <DicomAttribute tag=\"00100010\" vr=\"PN\"><PersonName number=\"1\"><Alphabetic><FamilyName>A</FamilyName>\
             </Alphabetic></PersonName></DicomAttribute>\n",
        );
        let prefixed = xml
            .replace(
                "<NativeDicomModel>",
                "<n:NativeDicomModel xmlns:n=\"http://dicom.nema.org/PS3.19/models/NativeDICOM\">",
            )
            .replace("</NativeDicomModel>", "</n:NativeDicomModel>");
        for xml in [xml, prefixed] {
            assert_eq!(
                json!(read_native_model(xml.as_bytes()).unwrap()),
                json!({
                    "00741204": {"vr": "LO", "Value": ["a < b & Ж"]},
                    "0040A370": {"vr": "SQ"},
                    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A"}]},
                })
            );
        }
    }

    #[test]
    fn what_is_none_is_refused_and_nothing_grows() {
        let item = "<DicomAttribute tag=\"00404021\" vr=\"SQ\"><Item number=\"1\">";
        let deep = model(&(item.repeat(30) + &"</Item></DicomAttribute>".repeat(30)));
        let entity = "<!DOCTYPE a [<!ENTITY b \"c\">]><NativeDicomModel/>".to_owned();
        let of_own = model(
            "<DicomAttribute tag=\"00741204\" vr=\"LO\"><Value number=\"1\">&b;</Value></DicomAttribute>",
        );
        let far = model(
            "<DicomAttribute tag=\"00741204\" vr=\"LO\"><Value number=\"99999999\">a</Value></DicomAttribute>",
        );
        let twice = model(
            "<DicomAttribute tag=\"00741204\" vr=\"LO\"><Value number=\"1\">a</Value><Value number=\"1\">b</Value></DicomAttribute>",
        );
        for refused in [
            deep,
            entity,
            of_own,
            far,
            twice,
            model("text"),
            "<a/>".to_owned(),
            String::new(),
        ] {
            assert!(read_native_model(refused.as_bytes()).is_none(), "{refused}");
        }
        let whole = model(
            "<DicomAttribute tag=\"00741204\" vr=\"LO\"><Value number=\"1\">a</Value></DicomAttribute>",
        );
        for length in 0..whole.len() {
            assert!(read_native_model(&whole.as_bytes()[..length]).is_none());
        }
    }
}
