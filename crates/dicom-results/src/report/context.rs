//! What documents say of who observed, and of what.

use std::collections::BTreeMap;

use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use norma_domain::Report;

use super::content_item::{ContentItem, Relation};
use crate::code::{ALGORITHM, Code};
use crate::elements::Elements;
use crate::modules::{device_serial_number, device_uid, reference};
use crate::source::{SourceImage, SourceStudy};

const OBSERVER_TYPE: Code = Code::dcm("121005", "Observer Type");
const DEVICE: Code = Code::dcm("121007", "Device");
const DEVICE_UID: Code = Code::dcm("121012", "Device Observer UID");
const DEVICE_NAME: Code = Code::dcm("121013", "Device Observer Name");
const DEVICE_MANUFACTURER: Code = Code::dcm("121014", "Device Observer Manufacturer");
const DEVICE_MODEL: Code = Code::dcm("121015", "Device Observer Model Name");
const DEVICE_SERIAL: Code = Code::dcm("121016", "Device Observer Serial Number");

/// Images of the study, by their series.
pub(super) fn evidence_item(source: &SourceStudy, evidence: &[&SourceImage]) -> InMemDicomObject {
    let mut by_series: BTreeMap<&str, Vec<InMemDicomObject>> = BTreeMap::new();
    for image in evidence {
        by_series
            .entry(&image.series_instance_uid)
            .or_default()
            .push(reference(&image.sop_class_uid, &image.sop_instance_uid).build());
    }
    let series = by_series.into_iter().map(|(series, images)| {
        Elements::new()
            .text(tags::SERIES_INSTANCE_UID, VR::UI, series)
            .sequence(tags::REFERENCED_SOP_SEQUENCE, images)
            .build()
    });
    Elements::new()
        .text(
            tags::STUDY_INSTANCE_UID,
            VR::UI,
            &source.attributes.study_instance_uid,
        )
        .sequence(tags::REFERENCED_SERIES_SEQUENCE, series.collect())
        .build()
}

/// The device that says it all (TID 1004).
pub(super) fn observer(report: &Report) -> Vec<ContentItem> {
    let context = Relation::HasObservationContext;
    let text = |name, value: &str| ContentItem::text(context, name, value);
    vec![
        ContentItem::code(context, &OBSERVER_TYPE, &DEVICE),
        ContentItem::uid(context, &DEVICE_UID, &device_uid(report)),
        text(&DEVICE_NAME, ALGORITHM),
        text(&DEVICE_MANUFACTURER, ALGORITHM),
        text(&DEVICE_MODEL, ALGORITHM),
        text(&DEVICE_SERIAL, device_serial_number(report)),
    ]
}
