use norma_domain::{KeySlice, MeasuredFinding, SliceReference, Stage, StageResult, VoxelBox};

/// Slices named at most.
const MOST: usize = 5;
/// Key slices lie at least this far apart, so that they are not neighbours that show the same.
const APART_MM: f64 = 10.0;

/// Slices worth looking at first, none close to another: those in which the measured findings are largest, in their order,
/// then the highest of the given stages' scores within the region that a stage's map points at, by that stage, then the
/// highest of any.
pub(super) fn key_slices(
    found: &[&MeasuredFinding],
    results: &[&StageResult],
    region: Option<(Stage, VoxelBox)>,
    references: &[SliceReference],
    slice_spacing_mm: f64,
) -> Vec<KeySlice> {
    let key_slice = |slice: usize, score: f64, stage: Stage| {
        let reference = references.iter().find(|reference| reference.slice == slice);
        KeySlice {
            slice,
            sop_instance_uid: reference.and_then(|reference| reference.sop_instance_uid.clone()),
            instance_number: reference.and_then(|reference| reference.instance_number),
            table_position_mm: reference.and_then(|reference| reference.table_position_mm),
            score,
            stage,
        }
    };
    let mut candidates: Vec<KeySlice> = results
        .iter()
        .flat_map(|result| {
            let scores = result.slice_scores.iter();
            scores.map(|slice| key_slice(slice.slice, slice.score, result.stage))
        })
        .filter(|candidate| candidate.score.is_finite())
        .collect();
    candidates.sort_by(|left, right| {
        right
            .score
            .total_cmp(&left.score)
            .then(left.slice.cmp(&right.slice))
    });
    let in_region = |candidate: &KeySlice| {
        region.is_some_and(|(stage, region)| {
            candidate.stage == stage && (region.z_min..=region.z_max).contains(&candidate.slice)
        })
    };
    if let Some(first) = candidates.iter().position(in_region) {
        candidates[..=first].rotate_right(1);
    }

    let measured = found.iter().map(|finding| {
        // What was measured is there; how sure a nodule is one, its rule says.
        let score = finding.nodule.as_ref().map_or(1.0, |nodule| nodule.score);
        key_slice(finding.key_slice, score, Stage::Preprocess)
    });
    let mut chosen: Vec<KeySlice> = Vec::new();
    for candidate in measured.chain(candidates) {
        let apart =
            |other: &KeySlice| other.slice.abs_diff(candidate.slice) as f64 * slice_spacing_mm >= APART_MM;
        if chosen.len() < MOST && chosen.iter().all(apart) {
            chosen.push(candidate);
        }
    }
    chosen
}
