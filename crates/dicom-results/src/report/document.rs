//! The document around the content (PS3.3 A.35.13, TID 1500).

use std::collections::BTreeMap;

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use norma_domain::{LungSide, PreparedSummary, Report};

use super::content_item::{ContentItem, Relation};
use super::statements::statements;
use crate::code::Code;
use crate::derived_uid::derive_uid;
use crate::dicom_result::DicomResult;
use crate::elements::Elements;
use crate::error::ResultsError;
use crate::modules::{
    Identification, algorithm_version, common, device_serial_number, device_uid, reference, to_file,
};
use crate::outline::{Outline, outline_on_source};
use crate::region::{Region, regions};
use crate::source::{SourceImage, SourceStudy};

const NAME: &str = "report";
const SERIES_NUMBER: u16 = 9001;
const ALGORITHM: &str = "Norma";

const TITLE: Code = Code::dcm("126000", "Imaging Measurement Report");
const LANGUAGE: Code = Code::dcm("121049", "Language of Content Item and Descendants");
const ENGLISH: Code = Code::of("en", "RFC5646", "English");
const OBSERVER_TYPE: Code = Code::dcm("121005", "Observer Type");
const DEVICE: Code = Code::dcm("121007", "Device");
const DEVICE_UID: Code = Code::dcm("121012", "Device Observer UID");
const DEVICE_NAME: Code = Code::dcm("121013", "Device Observer Name");
const DEVICE_MANUFACTURER: Code = Code::dcm("121014", "Device Observer Manufacturer");
const DEVICE_MODEL: Code = Code::dcm("121015", "Device Observer Model Name");
const DEVICE_SERIAL: Code = Code::dcm("121016", "Device Observer Serial Number");
const PROCEDURE_REPORTED: Code = Code::dcm("121058", "Procedure reported");
/// Of CID 100, which has no plain CT of the chest.
const CT: Code = Code::of("25045-6", "LN", "CT unspecified body region");
const IMAGING_MEASUREMENTS: Code = Code::dcm("126010", "Imaging Measurements");
const MEASUREMENT_GROUP: Code = Code::dcm("125007", "Measurement Group");
const TRACKING_IDENTIFIER: Code = Code::dcm("112039", "Tracking Identifier");
const TRACKING_UID: Code = Code::dcm("112040", "Tracking Unique Identifier");
const FINDING: Code = Code::dcm("121071", "Finding");
const FINDING_SITE: Code = Code::sct("363698007", "Finding Site");
const LATERALITY: Code = Code::sct("272741003", "Laterality");
const LUNG: Code = Code::sct("39607008", "Lung");
const RIGHT: Code = Code::sct("24028007", "Right");
const LEFT: Code = Code::sct("7771000", "Left");
const ALGORITHM_NAME: Code = Code::dcm("111001", "Algorithm Name");
const ALGORITHM_VERSION: Code = Code::dcm("111003", "Algorithm Version");
const IMAGE_REGION: Code = Code::dcm("111030", "Image Region");
const SOURCE: Code = Code::sct("260753009", "Source");
const DERIVATION: Code = Code::dcm("121401", "Derivation");

/// The Comprehensive 3D SR of an analysis.
pub(crate) fn structured_report(
    report: &Report,
    prepared: &PreparedSummary,
    source: &SourceStudy,
    evidence: &[&SourceImage],
) -> Result<DicomResult, ResultsError> {
    let instance = derive_uid(report.analysis_id, NAME);
    let series = derive_uid(report.analysis_id, "report series");
    let what = Identification {
        sop_class_uid: uids::COMPREHENSIVE3_DSR_STORAGE,
        sop_instance_uid: &instance,
        series_instance_uid: &series,
        modality: "SR",
        series_number: SERIES_NUMBER,
        instance_number: 1,
        series_description: "Norma report (research use)",
    };
    let document = common(source, report, &what)
        .sequence(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new())
        .sequence(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, Vec::new())
        .text(tags::COMPLETION_FLAG, VR::CS, "COMPLETE")
        .text(tags::VERIFICATION_FLAG, VR::CS, "UNVERIFIED")
        // No person has read it, and none will read this version.
        .text(tags::PRELIMINARY_FLAG, VR::CS, "PRELIMINARY")
        .sequence(
            tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
            vec![evidence_item(source, evidence)],
        );
    let mut object = document.build();
    for element in content(report, prepared, source).into_elements().build() {
        object.put(element);
    }
    Ok(DicomResult {
        name: NAME.to_owned(),
        sop_class_uid: what.sop_class_uid.to_owned(),
        bytes: to_file(object, &what)?,
        sop_instance_uid: instance.clone(),
    })
}

/// Every image that was analysed, by its series.
fn evidence_item(source: &SourceStudy, evidence: &[&SourceImage]) -> InMemDicomObject {
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

fn content(report: &Report, prepared: &PreparedSummary, source: &SourceStudy) -> ContentItem {
    let mut groups = Vec::new();
    let mut undrawn = Vec::new();
    for region in regions(report, prepared) {
        let instance = prepared
            .slices
            .iter()
            .find(|slice| slice.slice == region.slice)
            .and_then(|slice| slice.sop_instance_uid.as_ref());
        let outline = instance.and_then(|instance| {
            let geometry = &prepared.study.geometry;
            outline_on_source(source, geometry, instance, region.slice, region.region)
        });
        match outline {
            Some(outline) => groups.push(measurement_group(report, &region, &outline)),
            None => undrawn.push(region),
        }
    }
    let contained = |name| ContentItem::container(Some(Relation::Contains), name, None);
    ContentItem::container(None, &TITLE, Some("1500"))
        .holding([ContentItem::code(
            Relation::HasConceptModifier,
            &LANGUAGE,
            &ENGLISH,
        )])
        .holding(observer(report))
        .holding([
            ContentItem::code(Relation::HasConceptModifier, &PROCEDURE_REPORTED, &CT),
            contained(&IMAGING_MEASUREMENTS).holding(groups),
            statements(report, prepared, &undrawn),
        ])
}

/// The device that says it all (TID 1004).
fn observer(report: &Report) -> Vec<ContentItem> {
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

/// Planar ROI measurements and qualitative evaluations (TID 1410).
fn measurement_group(report: &Report, region: &Region<'_>, outline: &Outline<'_>) -> ContentItem {
    let (context, modifier) = (Relation::HasObservationContext, Relation::HasConceptModifier);
    let tracking = derive_uid(report.analysis_id, &region.identifier);
    let mut items = vec![
        ContentItem::text(context, &TRACKING_IDENTIFIER, &region.identifier),
        ContentItem::uid(context, &TRACKING_UID, &tracking),
        ContentItem::code(Relation::Contains, &FINDING, &region.finding),
    ];
    if let Some(side) = region.side {
        let side = match side {
            LungSide::Right => RIGHT,
            LungSide::Left => LEFT,
        };
        let laterality = ContentItem::code(modifier, &LATERALITY, &side);
        items.push(ContentItem::code(modifier, &FINDING_SITE, &LUNG).holding([laterality]));
    }
    items.push(ContentItem::text(modifier, &ALGORITHM_NAME, ALGORITHM));
    items.push(ContentItem::text(
        modifier,
        &ALGORITHM_VERSION,
        &algorithm_version(report),
    ));
    items.push(ContentItem::outline(&IMAGE_REGION, &SOURCE, outline));
    for measure in &region.measures {
        let derivation = measure
            .derivation
            .as_ref()
            .map(|derivation| ContentItem::code(modifier, &DERIVATION, derivation));
        items.push(ContentItem::number(&measure.name, measure.value, &measure.unit).holding(derivation));
    }
    ContentItem::container(Some(Relation::Contains), &MEASUREMENT_GROUP, Some("1410")).holding(items)
}
