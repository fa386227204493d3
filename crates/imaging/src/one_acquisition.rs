//! Whether the slices of a volume can have been acquired at once: on one day, by one scanner, of one patient, whatever the
//! identifiers say. Where names and identifiers were taken away, this is what still tells two scans apart.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::dicom_header::InstanceHeader;
use crate::frame_marks::FrameMarks;
use crate::multiframe::FrameHeader;
use crate::patient_age::plain_date;

/// More values than this of one attribute tell no acquisitions apart but slices, as some tools write that take names away.
const MOST_VALUES: usize = 8;
/// An acquisition may go on past midnight.
const LONGEST_DAYS: i64 = 1;
/// A weight or a size that is typed in once is the same in all slices, however it is rounded.
const LARGEST_ROUNDING: f64 = 0.02;

/// Says by count what speaks against one acquisition; None where nothing does.
pub(crate) fn acquisition_conflict(slices: &[(&InstanceHeader, &FrameHeader)]) -> Option<String> {
    let dates = |pick: &dyn Fn(&(&InstanceHeader, &FrameHeader)) -> Option<NaiveDate>| {
        let dates: BTreeSet<NaiveDate> = slices.iter().filter_map(pick).collect();
        let days = (*dates.last()? - *dates.first()?).num_days();
        (days > LONGEST_DAYS).then_some(dates.len())
    };
    let texts = |pick: &dyn Fn(&InstanceHeader) -> Option<&str>| {
        let texts: BTreeSet<String> = slices
            .iter()
            .filter_map(|(header, _)| Some(pick(header)?.to_ascii_uppercase()))
            .collect();
        (texts.len() > 1).then_some(texts.len())
    };
    let numbers = |pick: &dyn Fn(&InstanceHeader) -> Option<f64>| {
        let mut numbers: Vec<f64> = slices.iter().filter_map(|(header, _)| pick(header)).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        let (least, most) = (numbers.first()?, numbers.last()?);
        (most - least > LARGEST_ROUNDING * most).then_some(numbers.len())
    };
    let conflicts: Vec<String> = [
        (
            dates(&|(_, frame)| day(frame.marks.value(FrameMarks::ACQUISITION_DATE)?)),
            "Acquisition Date",
        ),
        (
            dates(&|(header, _)| day(header.study_date.as_ref()?.as_bytes())),
            "Study Date",
        ),
        (texts(&|header| header.manufacturer.as_deref()), "Manufacturer"),
        (
            texts(&|header| header.scanner_model.as_deref()),
            "Manufacturer's Model Name",
        ),
        (numbers(&|header| header.patient_weight_kg), "Patient's Weight"),
        (numbers(&|header| header.patient_size_m), "Patient's Size"),
    ]
    .into_iter()
    .filter_map(|(count, what)| Some((count?, what)))
    .filter(|(count, _)| *count <= MOST_VALUES)
    .map(|(count, what)| format!("{count} values of {what}"))
    .collect();
    (!conflicts.is_empty()).then(|| {
        format!(
            "its slices have {}, so they are of several acquisitions; send each as a series of its own",
            conflicts.join(", ")
        )
    })
}

fn day(date: &[u8]) -> Option<NaiveDate> {
    let plain = plain_date(std::str::from_utf8(date).ok()?)?;
    NaiveDate::parse_from_str(&plain, "%Y%m%d").ok()
}
