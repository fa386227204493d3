//! The document around the content (PS3.3 A.35.13, TID 1500).

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use norma_domain::{PreparedSummary, Report};

use super::content_item::{ContentItem, Relation};
use super::context::{evidence_item, observer};
use super::statements::statements;
use crate::code::{ALGORITHM, Code, FINDING, FINDING_SITE, LUNG, side_code};
use crate::derived_uid::derive_uid;
use crate::dicom_result::DicomResult;
use crate::error::ResultsError;
use crate::modules::{Identification, algorithm_version, common, to_file};
use crate::outline::{Outline, outline_on_source};
use crate::region::{Region, regions};
use crate::source::{SourceImage, SourceStudy};

const NAME: &str = "report";
const SERIES_NUMBER: u16 = 9001;

const TITLE: Code = Code::dcm("126000", "Imaging Measurement Report");
const LANGUAGE: Code = Code::dcm("121049", "Language of Content Item and Descendants");
const ENGLISH: Code = Code::of("en", "RFC5646", "English");
const PROCEDURE_REPORTED: Code = Code::dcm("121058", "Procedure reported");
/// Of CID 100, which has no plain CT of the chest.
const CT: Code = Code::of("25045-6", "LN", "CT unspecified body region");
const IMAGING_MEASUREMENTS: Code = Code::dcm("126010", "Imaging Measurements");
const MEASUREMENT_GROUP: Code = Code::dcm("125007", "Measurement Group");
const TRACKING_IDENTIFIER: Code = Code::dcm("112039", "Tracking Identifier");
const TRACKING_UID: Code = Code::dcm("112040", "Tracking Unique Identifier");
const LATERALITY: Code = Code::sct("272741003", "Laterality");
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
        series_instance_uid: what.series_instance_uid.to_owned(),
        bytes: to_file(object, &what)?,
        sop_instance_uid: instance.clone(),
    })
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
        let laterality = ContentItem::code(modifier, &LATERALITY, &side_code(side));
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
