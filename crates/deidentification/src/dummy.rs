//! Values that mean nothing, valid for their representation (PS3.5 table 6.2-1).

use dicom_core::VR;
use dicom_core::value::{DataSetSequence, PrimitiveValue, Value};
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemFragment;

/// The dummy of a value representation. A sequence is emptied: no item of it could mean nothing.
pub(crate) fn dummy(vr: VR) -> Value<InMemDicomObject, InMemFragment> {
    let value = match vr {
        VR::SQ => return Value::Sequence(DataSetSequence::empty()),
        VR::DA => PrimitiveValue::from("20000101"),
        VR::TM => PrimitiveValue::from("000000"),
        VR::DT => PrimitiveValue::from("20000101000000"),
        VR::AS => PrimitiveValue::from("000Y"),
        VR::DS | VR::IS => PrimitiveValue::from("0"),
        VR::AE | VR::CS | VR::LO | VR::LT | VR::PN | VR::SH | VR::ST | VR::UC | VR::UT => {
            PrimitiveValue::from("REMOVED")
        }
        VR::UR => PrimitiveValue::from("urn:removed"),
        VR::US => PrimitiveValue::from(0_u16),
        VR::SS => PrimitiveValue::from(0_i16),
        VR::UL => PrimitiveValue::from(0_u32),
        VR::SL => PrimitiveValue::from(0_i32),
        VR::FL => PrimitiveValue::from(0_f32),
        VR::FD => PrimitiveValue::from(0_f64),
        // Bytes of any kind, and what no dummy is known for.
        _ => PrimitiveValue::Empty,
    };
    Value::Primitive(value)
}
