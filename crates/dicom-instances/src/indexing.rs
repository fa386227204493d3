//! Makes the index of an upload.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use norma_imaging::{ImagingError, Limits, StudyInstance, list_studies, study_instances};
use serde_json::{Value, json};

use crate::attributes::{INSTANCE, SERIES, STUDY};
use crate::container::ContainerWriter;
use crate::index::{
    Attributes, BulkValue, IndexedInstance, IndexedSeries, InstanceIndex, PixelDescription, Place, Section,
    Span,
};
use crate::json::attributes_of;

type Container = ContainerWriter<BufWriter<File>>;

/// Indexes the instances of an upload (an archive or a single file) and writes the container to `out`. Parses hostile bytes.
/// Files that cannot be read are left out; NIfTI volumes have no instances.
///
/// # Errors
/// As [`list_studies`]; where the disk fails.
pub fn index_upload(upload: &Path, out: &Path, limits: &Limits) -> Result<InstanceIndex, ImagingError> {
    let mut container = ContainerWriter::new(BufWriter::new(File::create(out)?));
    let mut index = InstanceIndex::default();
    let mut seen = BTreeSet::new();
    let mut series: BTreeMap<String, (Attributes, String)> = BTreeMap::new();
    for study in list_studies(upload, limits)? {
        for instance in study_instances(&study) {
            if !instance.has_valid_uids() {
                index.unnamed += 1;
                continue;
            }
            if !seen.insert(instance.sop_instance_uid().to_owned()) {
                continue;
            }
            match index_instance(&instance, upload, &mut container, limits) {
                Ok((indexed, metadata)) => {
                    let own = || (only(&metadata, SERIES), instance.modality().to_owned());
                    series
                        .entry(indexed.series_instance_uid.clone())
                        .or_insert_with(own);
                    if index.study_instance_uid.is_none() {
                        let uid = study.study_instance_uid().map(|uid| uid.as_str().to_owned());
                        index.study_instance_uid = uid.or_else(|| Some(indexed.study_instance_uid.clone()));
                        index.study = only(&metadata, STUDY);
                    }
                    index.instances.push(indexed);
                }
                Err(error) if error.is_retryable() => return Err(error),
                Err(_) => {}
            }
        }
    }
    index.series = series
        .into_iter()
        .map(|(series_instance_uid, (attributes, modality))| IndexedSeries {
            series_instance_uid,
            modality,
            attributes,
        })
        .collect();
    index
        .series
        .sort_by_key(|series| number(&series.attributes, "00200011"));
    let order: BTreeMap<&str, usize> = index
        .series
        .iter()
        .enumerate()
        .map(|(at, series)| (series.series_instance_uid.as_str(), at))
        .collect();
    index.instances.sort_by_key(|instance| {
        (
            order.get(instance.series_instance_uid.as_str()).copied(),
            number(&instance.attributes, "00200013"),
        )
    });
    container.finish(&index)?;
    Ok(index)
}

fn index_instance(
    instance: &StudyInstance<'_>,
    upload: &Path,
    container: &mut Container,
    limits: &Limits,
) -> Result<(IndexedInstance, Attributes), ImagingError> {
    let elements = instance.elements(limits)?;
    let (mut metadata, bulk) = attributes_of(&elements.bytes, elements.encoding);
    let transfer_syntax_uid = instance.transfer_syntax_uid().to_owned();
    metadata.insert(
        "00083002".to_owned(),
        json!({ "vr": "UI", "Value": [transfer_syntax_uid] }),
    );
    let pixels = pixels_of(instance, &metadata);
    if let Some(pixels) = &pixels {
        let (tag, vr) = match (pixels.is_float, pixels.bits_allocated) {
            (true, _) => ("7FE00008", "OF"),
            (false, 0..=8) => ("7FE00010", "OB"),
            (false, _) => ("7FE00010", "OW"),
        };
        metadata.insert(tag.to_owned(), json!({ "vr": vr, "BulkDataURI": tag }));
    }
    let json = serde_json::to_vec(&metadata).map_err(std::io::Error::other)?;
    let metadata_span = container.append(&json)?;
    let mut values = Vec::with_capacity(bulk.len());
    for value in bulk {
        let span = container.append(&value.bytes)?;
        values.push(BulkValue {
            path: value.path,
            span,
        });
    }
    let indexed = IndexedInstance {
        study_instance_uid: instance.study_instance_uid().to_owned(),
        series_instance_uid: instance.series_instance_uid().to_owned(),
        sop_class_uid: instance.sop_class_uid().to_owned(),
        sop_instance_uid: instance.sop_instance_uid().to_owned(),
        transfer_syntax_uid,
        place: place_of(instance, upload, container, limits)?,
        metadata: metadata_span,
        attributes: only(&metadata, INSTANCE),
        bulk: values,
        pixels,
    };
    Ok((indexed, metadata))
}

/// Where the instance lies; one that cannot be read in place is copied into the container.
fn place_of(
    instance: &StudyInstance<'_>,
    upload: &Path,
    container: &mut Container,
    limits: &Limits,
) -> Result<Place, ImagingError> {
    if let Some(stored) = instance.place_in(upload)? {
        return Ok(Place {
            section: Section::Upload,
            span: Span {
                offset: stored.offset,
                length: stored.length,
            },
            is_deflated: stored.is_deflated,
            size: stored.size,
        });
    }
    let start = container.position();
    instance.write_file(container, limits)?;
    let span = container.since(start);
    Ok(Place {
        section: Section::Container,
        span,
        is_deflated: false,
        size: span.length,
    })
}

fn pixels_of(instance: &StudyInstance<'_>, metadata: &Attributes) -> Option<PixelDescription> {
    let stored = instance.pixels()?;
    let first = |tag: &str| metadata.get(tag)?.get("Value")?.get(0).cloned();
    let decimal = |tag: &str| first(tag)?.as_f64();
    let window = decimal("00281050")
        .zip(decimal("00281051"))
        .filter(|(_, width)| *width >= 1.0);
    Some(PixelDescription {
        rows: stored.rows,
        columns: stored.columns,
        samples_per_pixel: stored.samples_per_pixel,
        bits_allocated: stored.bits_allocated,
        bits_stored: stored.bits_stored,
        high_bit: stored.high_bit,
        is_signed: stored.is_signed,
        is_float: stored.is_float,
        photometric: first("00280004")
            .and_then(|text| text.as_str().map(str::to_owned))
            .unwrap_or_default(),
        is_planar: first("00280006").and_then(|number| number.as_u64()) == Some(1),
        frames: stored.frames,
        frame_bytes: stored.frame_bytes,
        native: stored.native.map(|(offset, length)| Span { offset, length }),
        rescale: stored.rescale,
        window: window.map(|(center, width)| [center, width]),
    })
}

fn only(attributes: &Attributes, wanted: &[&str]) -> Attributes {
    wanted
        .iter()
        .filter_map(|tag| Some(((*tag).to_owned(), attributes.get(*tag)?.clone())))
        .collect()
}

/// The number of a series or an instance; those without come last.
fn number(attributes: &Attributes, tag: &str) -> i64 {
    attributes
        .get(tag)
        .and_then(|attribute| attribute.get("Value")?.get(0).and_then(Value::as_i64))
        .unwrap_or(i64::MAX)
}
