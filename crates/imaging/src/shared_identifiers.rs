//! Images of one study that share a SOP Instance UID and are not the same image: it names none of them.

use std::collections::{HashMap, HashSet};

use norma_domain::SopInstanceUid;

use crate::decode::fingerprint_frames;
use crate::limits::Limits;
use crate::multiframe::FrameReference;
use crate::study::Instance;

/// Which of the instances that are `used` have a SOP Instance UID that another file of the study has with other pixels or in another place.
/// Copies of one image share theirs rightly; one that cannot be read is taken for a copy.
pub(crate) fn ambiguous_instances(
    instances: &[Instance],
    used: &HashSet<usize>,
    limits: &Limits,
) -> HashSet<usize> {
    let mut of_uid: HashMap<&SopInstanceUid, Vec<usize>> = HashMap::new();
    for (index, instance) in instances.iter().enumerate() {
        if let Some(uid) = &instance.header.sop_instance {
            of_uid.entry(uid).or_default().push(index);
        }
    }
    of_uid.retain(|_, sharing| sharing.len() > 1 && sharing.iter().any(|index| used.contains(index)));
    if of_uid.is_empty() {
        return HashSet::new();
    }
    let frames: Vec<FrameReference> = of_uid
        .values()
        .flatten()
        .flat_map(|&instance| {
            let count = instances[instance].header.frames.len();
            (0..count).map(move |frame| FrameReference { instance, frame })
        })
        .collect();
    let prints = fingerprint_frames(instances, &frames, limits);
    let is_copy = |one: usize, other: usize| {
        let (here, there) = (&instances[one].header.frames, &instances[other].header.frames);
        here.len() == there.len()
            && (0..here.len()).all(|frame| {
                let print = |instance| prints.get(&FrameReference { instance, frame });
                let is_same = print(one)
                    .zip(print(other))
                    .is_none_or(|(one, other)| one == other);
                is_same && here[frame].position == there[frame].position
            })
    };
    of_uid
        .values()
        .flat_map(|sharing| {
            sharing
                .iter()
                .copied()
                .filter(|one| used.contains(one) && sharing.iter().any(|other| !is_copy(*one, *other)))
        })
        .collect()
}
