//! A series may hold the same places twice: breathing in and out, before and after contrast. What is one volume
//! then is told by the acquisition number.

use std::collections::{BTreeMap, HashSet};

use crate::series_grouping::SeriesGroup;
use crate::study::Instance;

/// Splits a series by acquisition number where slices share places and the split leaves fewer that do.
pub(crate) fn split_acquisitions(group: SeriesGroup, instances: &[Instance]) -> Vec<SeriesGroup> {
    let shared = shared_places(&group, instances);
    if shared == 0 {
        return vec![group];
    }
    let mut parts: BTreeMap<Option<i64>, SeriesGroup> = BTreeMap::new();
    for reference in &group.frames {
        let number = instances[reference.instance].header.acquisition_number;
        parts
            .entry(number)
            .or_insert_with(|| SeriesGroup {
                series: group.series.clone(),
                frames: Vec::new(),
            })
            .frames
            .push(*reference);
    }
    let parts: Vec<SeriesGroup> = parts.into_values().collect();
    let left: usize = parts.iter().map(|part| shared_places(part, instances)).sum();
    if parts.len() > 1 && left < shared {
        parts
    } else {
        vec![group]
    }
}

/// Slices in a place that another one of the series has already, though they are another instance.
fn shared_places(group: &SeriesGroup, instances: &[Instance]) -> usize {
    let mut places = HashSet::new();
    let mut known = HashSet::new();
    group
        .frames
        .iter()
        .filter(|reference| {
            let header = &instances[reference.instance].header;
            // A copy of the same instance is a duplicate, not another acquisition.
            let is_copy = header
                .sop_instance
                .as_ref()
                .is_some_and(|uid| !known.insert((uid, reference.frame)));
            let place = header.frames[reference.frame]
                .position
                .map(|position| position.map(|coordinate| (coordinate * 100.0).round() as i64));
            !is_copy && place.is_some_and(|place| !places.insert(place))
        })
        .count()
}
