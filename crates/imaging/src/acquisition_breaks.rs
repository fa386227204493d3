//! Where in a stack, by what the headers say, another acquisition begins: another number, another space of positions, or a
//! pause. Two acquisitions of one breath go on into each other; where the patient breathed between them, they do not.

use crate::frame_marks::FrameMarks;
use crate::slice_order::PlacedSlice;
use crate::study::Instance;

/// More of them number the slices, and no acquisitions.
const MOST_BREAKS: usize = 8;
/// A pause in which a patient may breathe, and how many times it is as long as the usual time from slice to slice.
const LEAST_PAUSE_S: f64 = 4.0;
const LEAST_PAUSE_TIMES: f64 = 5.0;
const SECONDS_OF_DAY: f64 = 86_400.0;

/// The steps of a stack, by their first slice, at which another acquisition begins.
pub(crate) fn acquisition_breaks(instances: &[Instance], slices: &[PlacedSlice]) -> Vec<usize> {
    let marks: Vec<&FrameMarks> = slices
        .iter()
        .map(|slice| &instances[slice.reference.instance].header.frames[slice.reference.frame].marks)
        .collect();
    let mut breaks: Vec<usize> = [FrameMarks::OF_ACQUISITION[0], FrameMarks::FRAME_OF_REFERENCE]
        .into_iter()
        .flat_map(|kind| {
            let changes = changes(marks.iter().map(|marks| marks.value(kind)));
            if changes.len() > MOST_BREAKS {
                Vec::new()
            } else {
                changes
            }
        })
        .collect();
    let times: Vec<Option<f64>> = marks
        .iter()
        .map(|marks| {
            let [whole, time] = FrameMarks::ACQUISITION_TIMES.map(|kind| marks.value(kind));
            // A date and time begins with the eight digits of its date.
            seconds(whole.and_then(|value| value.get(8..)).or(time)?)
        })
        .collect();
    breaks.extend(pauses(&times));
    breaks.sort_unstable();
    breaks.dedup();
    breaks
}

/// The steps at which a value changes that both slices have.
fn changes<'value>(values: impl Iterator<Item = Option<&'value [u8]>>) -> Vec<usize> {
    let values: Vec<Option<&[u8]>> = values.collect();
    values
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[0].is_some() && pair[1].is_some() && pair[0] != pair[1])
        .map(|(step, _)| step)
        .collect()
}

/// The steps that take far longer than the others.
fn pauses(times: &[Option<f64>]) -> Vec<usize> {
    let steps: Vec<f64> = times
        .windows(2)
        .map(|pair| match (pair[0], pair[1]) {
            (Some(first), Some(second)) => {
                let apart = (first - second).abs();
                apart.min(SECONDS_OF_DAY - apart)
            }
            _ => 0.0,
        })
        .collect();
    let mut sorted = steps.clone();
    sorted.sort_by(f64::total_cmp);
    let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    let limit = LEAST_PAUSE_S.max(LEAST_PAUSE_TIMES * usual);
    let pauses: Vec<usize> = (0..steps.len()).filter(|step| steps[*step] > limit).collect();
    if pauses.len() > MOST_BREAKS {
        Vec::new()
    } else {
        pauses
    }
}

/// Seconds since midnight of a TM (PS3.5 table 6.2-1), also with colons.
fn seconds(time: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(time).ok()?.replace(':', "");
    let text = text.split(['+', '-']).next()?;
    let part = |from: usize| text.get(from..from + 2)?.parse::<f64>().ok();
    let seconds = text
        .get(4..)
        .filter(|rest| !rest.is_empty())
        .map_or(Some(0.0), |rest| rest.parse().ok())?;
    Some(part(0)? * 3600.0 + part(2)? * 60.0 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(texts: &[&str]) -> Vec<Option<f64>> {
        texts.iter().map(|text| seconds(text.as_bytes())).collect()
    }

    #[test]
    fn a_time_is_read_in_seconds() {
        assert_eq!(
            times(&["101500", "10:15:00.5", "1015", "000001.25+0100", "x"]),
            [Some(36_900.0), Some(36_900.5), Some(36_900.0), Some(1.25), None]
        );
    }

    #[test]
    fn a_pause_is_told_from_the_pace_of_a_scan() {
        assert_eq!(
            pauses(&times(&["101500", "101500.3", "101500.6", "101547", "101547.3"])),
            [2]
        );
        assert!(
            pauses(&times(&["101500", "101503", "101506", "101509"])).is_empty(),
            "step by step"
        );
        assert!(
            pauses(&times(&["235959", "000001", "000003"])).is_empty(),
            "midnight"
        );
        assert!(pauses(&times(&["101500", "", "101547"])).is_empty(), "not known");
        // As many as there are slices.
        let all: Vec<Option<f64>> = (0..30).map(|slice| Some(f64::from(slice / 2) * 60.0)).collect();
        assert!(pauses(&all).is_empty());
    }

    #[test]
    fn a_number_that_changes_is_a_break_unless_it_numbers_slices() {
        let of = |values: &[&'static str]| {
            changes(
                values
                    .iter()
                    .map(|value| Some(value.as_bytes()).filter(|value| !value.is_empty())),
            )
        };
        assert_eq!(of(&["1", "1", "2", "2"]), [1]);
        assert!(of(&["1", "", "2", ""]).is_empty());
    }
}
