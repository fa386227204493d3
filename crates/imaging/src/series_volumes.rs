//! A series may hold the same places several times: breathing in and out, before and after contrast, points in
//! time, two energies. What is one volume then is told by what the headers say of each image; where nothing tells
//! it, or two attributes tell different things, no volume is made of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::decode::fingerprint_frames;
use crate::frame_marks::FrameMarks;
use crate::limits::Limits;
use crate::multiframe::FrameReference;
use crate::numbering_runs::{Place, number_runs};
use crate::series_grouping::SeriesGroup;
use crate::slice_order::{Vector, dot};
use crate::study::Instance;

/// Nearer images are in the same place…
const SAME_PLACE_MM: f64 = 0.01;
/// …and so are those nearer than this part of the usual distance: positions written from floats jitter.
const SAME_PLACE_SHARE: f64 = 0.1;
/// Of two volumes that lie in each other, so many images each lie where the other is.
const INTERLEAVED_IMAGES: usize = 3;
/// More volumes than this without a shared place are no volumes but slices numbered one by one.
const INTERLEAVED_VOLUMES: usize = 8;

/// One volume of a series, or what cannot be told apart.
#[derive(Debug, Clone)]
pub(crate) struct SeriesVolume {
    pub(crate) group: SeriesGroup,
    /// Images that were left out because the very same picture lies in the same place.
    pub(crate) copies: usize,
    /// Images without a place.
    pub(crate) unplaced: usize,
    /// Why no volume can be made of the group.
    pub(crate) conflict: Option<String>,
}

/// An image with its place along the normal.
#[derive(Debug, Clone)]
struct Placed {
    reference: FrameReference,
    along_mm: f64,
}

/// Takes a series apart into volumes: no place twice in any of them.
pub(crate) fn separate_volumes(
    group: &SeriesGroup,
    normal: Vector,
    instances: &[Instance],
    limits: &Limits,
) -> Vec<SeriesVolume> {
    let frames = group.frames.len();
    let mut placed: Vec<Placed> = group
        .frames
        .iter()
        .filter_map(|reference| {
            let position = instances[reference.instance].header.frames[reference.frame].position?;
            Some(Placed {
                reference: *reference,
                along_mm: dot(position, normal),
            })
        })
        .collect();
    let unplaced = frames - placed.len();
    placed.sort_by(|a, b| a.along_mm.total_cmp(&b.along_mm));
    let (copies, placed) = without_copies(placed, instances, limits);
    let of = |frames: Vec<FrameReference>, conflict: Option<String>| SeriesVolume {
        group: SeriesGroup {
            series: group.series.clone(),
            scattered_over: group.scattered_over,
            is_dealt_out: group.is_dealt_out,
            frames,
        },
        copies,
        unplaced,
        conflict,
    };
    let stack = Stack::new(&placed, instances, group.is_dealt_out);
    match stack.divide() {
        Division::One => vec![of(placed.iter().map(|image| image.reference).collect(), None)],
        Division::Several(parts) => parts.into_iter().map(|part| of(part, None)).collect(),
        Division::Unclear(why) => {
            vec![of(
                placed.iter().map(|image| image.reference).collect(),
                Some(why),
            )]
        }
    }
}

/// Leaves out images whose very pixels lie in the same place already. Those that cannot be read are left out where
/// another one has their place.
fn without_copies(placed: Vec<Placed>, instances: &[Instance], limits: &Limits) -> (usize, Vec<Placed>) {
    let places = places_of(&placed);
    let mut sharing: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, place) in places.iter().enumerate() {
        sharing.entry(*place).or_default().push(index);
    }
    sharing.retain(|_, images| images.len() > 1);
    if sharing.is_empty() {
        return (0, placed);
    }
    let wanted: Vec<FrameReference> = sharing
        .values()
        .flatten()
        .map(|index| placed[*index].reference)
        .collect();
    let prints = fingerprint_frames(instances, &wanted, limits);
    let print_of = |index: usize| prints.get(&placed[index].reference).copied();
    let mut dropped: HashSet<usize> = HashSet::new();
    for images in sharing.values() {
        let mut seen = HashSet::new();
        for index in images {
            match print_of(*index) {
                Some(print) if !seen.insert(print) => {
                    dropped.insert(*index);
                }
                _ => {}
            }
        }
        let is_unreadable = |index: &&usize| print_of(**index).is_none();
        let unreadable = images.iter().filter(is_unreadable).count();
        let kept_unreadable = usize::from(unreadable == images.len());
        dropped.extend(images.iter().filter(is_unreadable).skip(kept_unreadable));
    }
    let copies = dropped.len();
    let kept = placed
        .into_iter()
        .enumerate()
        .filter(|(index, _)| !dropped.contains(index))
        .map(|(_, image)| image)
        .collect();
    (copies, kept)
}

/// The number of each image's place; images are in the order of their places.
fn places_of(placed: &[Placed]) -> Vec<usize> {
    let mut steps: Vec<f64> = placed
        .windows(2)
        .map(|pair| pair[1].along_mm - pair[0].along_mm)
        .filter(|step| *step > SAME_PLACE_MM)
        .collect();
    steps.sort_by(f64::total_cmp);
    // Where phases jitter around the same places, half of the steps or more are the jitter.
    let usual = steps.get(steps.len() * 3 / 4).copied().unwrap_or(0.0);
    let tolerance = SAME_PLACE_MM.max(usual * SAME_PLACE_SHARE);
    let mut place = 0;
    let mut first = placed.first().map_or(0.0, |image| image.along_mm);
    placed
        .iter()
        .map(|image| {
            if image.along_mm - first >= tolerance {
                place += 1;
                first = image.along_mm;
            }
            place
        })
        .collect()
}

enum Division {
    One,
    Several(Vec<Vec<FrameReference>>),
    Unclear(String),
}

/// Images of a series in the order of their places, with what their headers say.
struct Stack<'study> {
    placed: &'study [Placed],
    instances: &'study [Instance],
    places: Vec<usize>,
    place_count: usize,
    /// Images in the place that has most of them.
    most_in_one: usize,
    /// Whether the images of one acquisition lie by turns in several series: what names a series tells nothing then.
    is_dealt_out: bool,
}

/// For each image the number of its volume.
type Labels = Vec<usize>;

impl<'study> Stack<'study> {
    fn new(placed: &'study [Placed], instances: &'study [Instance], is_dealt_out: bool) -> Self {
        let places = places_of(placed);
        let place_count = places.last().map_or(0, |last| last + 1);
        let mut counts = vec![0usize; place_count];
        for place in &places {
            counts[*place] += 1;
        }
        Self {
            placed,
            instances,
            places,
            place_count,
            most_in_one: counts.into_iter().max().unwrap_or(0),
            is_dealt_out,
        }
    }

    fn marks(&self, image: usize) -> &FrameMarks {
        let reference = self.placed[image].reference;
        &self.instances[reference.instance].header.frames[reference.frame].marks
    }

    fn divide(&self) -> Division {
        let shares_places = self.most_in_one > 1;
        let candidates: Vec<Labels> = if shares_places {
            self.all_labels()
                .into_iter()
                .filter(|labels| self.is_clean(labels))
                .collect()
        } else {
            self.strong_labels()
                .into_iter()
                .filter(|labels| self.is_interleaved(labels))
                .collect()
        };
        let Some(best) = candidates.iter().min_by_key(|labels| count_of(labels)) else {
            return if shares_places {
                Division::Unclear(self.describe_shared())
            } else {
                Division::One
            };
        };
        if !candidates.iter().all(|other| are_compatible(best, other)) {
            return Division::Unclear(
                "it holds several volumes, and its headers contradict each other about which image belongs to which"
                    .into(),
            );
        }
        if !shares_places && !self.is_even_within(best) {
            return Division::Unclear(
                "it holds several volumes that lie in each other, and their slices are not evenly spaced by what the \
                 headers tell of them"
                    .into(),
            );
        }
        let mut parts = vec![Vec::new(); count_of(best)];
        for (image, label) in self.placed.iter().zip(best) {
            parts[*label].push(image.reference);
        }
        Division::Several(parts)
    }

    fn describe_shared(&self) -> String {
        if self.place_count == 1 {
            format!(
                "all its {} images state one and the same position, so their order is not known",
                self.placed.len()
            )
        } else {
            let mut counts: HashMap<usize, usize> = HashMap::new();
            for place in &self.places {
                *counts.entry(*place).or_default() += 1;
            }
            let shared = counts.values().filter(|count| **count > 1).count();
            format!(
                "{shared} of its {} places hold different images, and nothing in the headers tells which belong \
                 together; send each phase as a series of its own",
                self.place_count
            )
        }
    }

    /// By each attribute, and by what follows on what.
    fn all_labels(&self) -> Vec<Labels> {
        let mut all = self.labels_by_marks(|_| true);
        all.extend(self.labels_by_dimensions());
        all.extend(self.labels_by_object());
        all.extend(self.labels_by_runs(|image| self.marks(image).instance_number.map(i128::from)));
        for kind in FrameMarks::TIMES {
            all.extend(self.labels_by_runs(|image| digits(self.marks(image).value(kind)?)));
        }
        all
    }

    /// Only by attributes that say of themselves that they name a volume, and by the numbering.
    fn strong_labels(&self) -> Vec<Labels> {
        if self.is_dealt_out {
            return self.labels_by_marks(|kind| {
                FrameMarks::is_strong(kind) && !FrameMarks::OF_SERIES.contains(&kind)
            });
        }
        let mut strong = self.labels_by_marks(FrameMarks::is_strong);
        strong.extend(self.labels_by_dimensions());
        strong.extend(self.labels_by_object());
        strong.extend(self.labels_by_runs(|image| self.marks(image).instance_number.map(i128::from)));
        strong
    }

    fn labels_by_marks(&self, wanted: fn(usize) -> bool) -> Vec<Labels> {
        (0..FrameMarks::COUNT)
            .filter(|kind| wanted(*kind))
            .map(|kind| number_values((0..self.placed.len()).map(|image| self.marks(image).value(kind))))
            .collect()
    }

    fn labels_by_dimensions(&self) -> Vec<Labels> {
        let most = (0..self.placed.len())
            .map(|image| self.marks(image).dimensions.len())
            .max();
        (0..most.unwrap_or(0))
            .map(|index| {
                number_values((0..self.placed.len()).map(|image| self.marks(image).dimensions.get(index)))
            })
            .collect()
    }

    /// By object, where an object holds more than one frame.
    fn labels_by_object(&self) -> Option<Labels> {
        let instance = |image: usize| self.placed[image].reference.instance;
        let holds_several =
            (0..self.placed.len()).any(|image| self.instances[instance(image)].header.frames.len() > 1);
        holds_several.then(|| number_values((0..self.placed.len()).map(instance)))
    }

    /// In the order of `key`, a new volume begins where the way along the stack turns or comes back.
    fn labels_by_runs(&self, key: impl Fn(usize) -> Option<i128>) -> Option<Labels> {
        let mut ordered: Vec<(i128, usize)> = (0..self.placed.len())
            .map(|image| Some((key(image)?, image)))
            .collect::<Option<_>>()?;
        ordered.sort_by_key(|(key, image)| (*key, self.places[*image]));
        // The same number or time twice orders nothing.
        if ordered.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return None;
        }
        let places: Vec<Place> = ordered
            .iter()
            .map(|(_, image)| Place {
                number: self.places[*image],
                along_mm: self.placed[*image].along_mm,
            })
            .collect();
        let mut labels = vec![0; self.placed.len()];
        for ((_, image), run) in ordered.iter().zip(number_runs(&places)) {
            labels[*image] = run;
        }
        Some(labels)
    }

    /// Whether a division leaves no place twice, and volumes rather than single images.
    fn is_clean(&self, labels: &Labels) -> bool {
        let count = count_of(labels);
        if count < 2 || count > 2 * self.most_in_one {
            return false;
        }
        let mut taken = HashSet::new();
        let mut sizes = vec![0usize; count];
        for (label, place) in labels.iter().zip(&self.places) {
            if !taken.insert((*label, *place)) {
                return false;
            }
            sizes[*label] += 1;
        }
        let largest = sizes.into_iter().max().unwrap_or(0);
        largest >= 2 && 2 * largest >= self.place_count
    }

    /// Whether the slices of each volume of a division are evenly spaced: one that strayed in shows by its distance.
    fn is_even_within(&self, labels: &Labels) -> bool {
        (0..count_of(labels)).all(|label| {
            let along: Vec<f64> = self
                .placed
                .iter()
                .zip(labels)
                .filter(|(_, of)| **of == label)
                .map(|(image, _)| image.along_mm)
                .collect();
            let steps = || along.windows(2).map(|pair| pair[1] - pair[0]);
            let largest = steps().fold(0.0, f64::max);
            let smallest = steps().fold(f64::INFINITY, f64::min);
            along.len() < 2 || largest <= 1.4 * smallest
        })
    }

    /// Whether a division makes volumes that lie in each other.
    fn is_interleaved(&self, labels: &Labels) -> bool {
        let count = count_of(labels);
        if !(2..=INTERLEAVED_VOLUMES).contains(&count) {
            return false;
        }
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (label, place) in labels.iter().zip(&self.places) {
            members[*label].push(*place);
        }
        let inside = |volume: &[usize], low: usize, high: usize| {
            volume
                .iter()
                .filter(|place| (low..=high).contains(*place))
                .count()
        };
        let ends = |volume: &[usize]| Some((*volume.iter().min()?, *volume.iter().max()?));
        members.iter().enumerate().any(|(index, first)| {
            members[index + 1..].iter().any(|second| {
                let (Some((a, b)), Some((c, d))) = (ends(first), ends(second)) else {
                    return false;
                };
                let (low, high) = (a.max(c), b.min(d));
                low <= high
                    && inside(first, low, high) >= INTERLEAVED_IMAGES
                    && inside(second, low, high) >= INTERLEAVED_IMAGES
            })
        })
    }
}

fn count_of(labels: &Labels) -> usize {
    labels.iter().max().map_or(0, |last| last + 1)
}

/// Numbers equal values alike, in the order in which they come.
fn number_values<T: std::hash::Hash + Eq>(values: impl Iterator<Item = T>) -> Labels {
    let mut known: HashMap<T, usize> = HashMap::new();
    values
        .map(|value| {
            let next = known.len();
            *known.entry(value).or_insert(next)
        })
        .collect()
}

/// Whether of any two volumes of two divisions one holds the other, or they have nothing in common.
fn are_compatible(first: &Labels, second: &Labels) -> bool {
    let mut sizes = (HashMap::new(), HashMap::new());
    let mut common: HashMap<(usize, usize), usize> = HashMap::new();
    for (a, b) in first.iter().zip(second) {
        *sizes.0.entry(*a).or_insert(0usize) += 1;
        *sizes.1.entry(*b).or_insert(0usize) += 1;
        *common.entry((*a, *b)).or_default() += 1;
    }
    common
        .iter()
        .all(|((a, b), count)| sizes.0.get(a) == Some(count) || sizes.1.get(b) == Some(count))
}

/// A date, a time or both as a number that grows with it.
fn digits(mark: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(mark).ok()?;
    // An offset from UTC is the same within a series.
    let text = text.split(['+', '-']).next()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<6}");
    format!("{whole}{}", fraction.get(..6)?).parse().ok()
}
