use norma_domain::{KeySlice, SliceReference, Stage, StageResult, VoxelBox};

/// Slices named at most.
const MOST: usize = 5;
/// Key slices lie at least this far apart, so that they are not neighbours that show the same.
const APART_MM: f64 = 10.0;

/// The slices with the highest scores of the given stages, none close to another: first the highest within the
/// region that a stage's map points at, by that stage, then the highest of any.
pub(super) fn key_slices(
    results: &[&StageResult],
    region: Option<(Stage, VoxelBox)>,
    references: &[SliceReference],
    slice_spacing_mm: f64,
) -> Vec<KeySlice> {
    let mut candidates: Vec<KeySlice> = results
        .iter()
        .flat_map(|result| {
            result.slice_scores.iter().map(|slice| {
                let reference = references.iter().find(|reference| reference.slice == slice.slice);
                KeySlice {
                    slice: slice.slice,
                    sop_instance_uid: reference.and_then(|reference| reference.sop_instance_uid.clone()),
                    instance_number: reference.and_then(|reference| reference.instance_number),
                    table_position_mm: reference.and_then(|reference| reference.table_position_mm),
                    score: slice.score,
                    stage: result.stage,
                }
            })
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

    let mut chosen: Vec<KeySlice> = Vec::new();
    for candidate in candidates {
        let apart =
            |other: &KeySlice| other.slice.abs_diff(candidate.slice) as f64 * slice_spacing_mm >= APART_MM;
        if chosen.len() < MOST && chosen.iter().all(apart) {
            chosen.push(candidate);
        }
    }
    chosen
}
