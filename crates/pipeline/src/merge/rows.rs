//! The report's row in the shape of the mass run, and the reference service's summary of rows.

use norma_domain::{
    Finding, MassRunRow, PathologyType, Probability, ProcessingStatus, Reason, SliceReference, StudySummary,
    Summary, Verdict, VoxelBox,
};

pub(super) struct RowInput<'a> {
    pub(super) path_to_study: &'a str,
    pub(super) study: &'a StudySummary,
    pub(super) verdict: Verdict,
    pub(super) probability: Option<Probability>,
    pub(super) reasons: &'a [Reason],
    pub(super) limitations: &'a [Reason],
    pub(super) findings: &'a [Finding],
    /// Types that decide by what was measured.
    pub(super) measured_types: &'a [PathologyType],
    /// How dangerous a finding is, by its label: 0 the most.
    pub(super) danger_rank: &'a dyn Fn(&str) -> usize,
    pub(super) slices: &'a [SliceReference],
    pub(super) localization: Option<VoxelBox>,
    pub(super) seconds: f64,
}

/// A row with an answer where the verdict is one, a row with a failure otherwise.
pub(super) fn row(input: &RowInput<'_>) -> MassRunRow {
    let study_uid = input.study.study_instance_uid.as_ref().map(ToString::to_string);
    let series_uid = input.study.series_instance_uid.as_ref().map(ToString::to_string);
    let pathology = match input.verdict {
        Verdict::Norm => 0,
        Verdict::Pathology => 1,
        Verdict::Undetermined => {
            return MassRunRow {
                study_uid,
                series_uid,
                verdict: Some(Verdict::Undetermined),
                ..failure_row(input.path_to_study, input.seconds, input.reasons)
            };
        }
    };
    // By danger; among those of one rank what was measured, then the more probable.
    let learnt = input.findings.iter().filter(|finding| finding.present);
    let most_dangerous = input
        .measured_types
        .iter()
        .map(|pathology| (pathology.as_str(), 1.0))
        .chain(learnt.map(|finding| (finding.label.as_str(), finding.probability.value())))
        .filter(|_| pathology == 1)
        .min_by(|(left, of_left), (right, of_right)| {
            (input.danger_rank)(left)
                .cmp(&(input.danger_rank)(right))
                .then(of_right.total_cmp(of_left))
        });
    let reference = |of: fn(&VoxelBox) -> usize| input.slices.get(input.localization.as_ref().map(of)?);
    let (lowest, highest) = (reference(|region| region.z_min), reference(|region| region.z_max));
    let corner = |of: fn(&VoxelBox) -> usize| input.localization.as_ref().map(of);
    MassRunRow {
        path_to_study: input.path_to_study.to_owned(),
        study_uid,
        series_uid,
        probability_of_pathology: input.probability,
        pathology: Some(pathology),
        processing_status: ProcessingStatus::Success,
        time_of_processing: input.seconds,
        most_dangerous_pathology_type: most_dangerous.map(|(label, _)| label.to_owned()),
        x_min: corner(|region| region.x_min),
        x_max: corner(|region| region.x_max),
        y_min: corner(|region| region.y_min),
        y_max: corner(|region| region.y_max),
        z_min: corner(|region| region.z_min),
        z_max: corner(|region| region.z_max),
        slice_count: Some(input.slices.len()),
        // From the head, as a PACS shows them.
        image_first: highest.and_then(|slice| slice.instance_number),
        image_last: lowest.and_then(|slice| slice.instance_number),
        table_position_first_mm: highest.and_then(|slice| slice.table_position_mm),
        table_position_last_mm: lowest.and_then(|slice| slice.table_position_mm),
        reason: (!input.limitations.is_empty()).then(|| sentences(input.limitations)),
        verdict: Some(input.verdict),
    }
}

/// The row of a study that got no verdict: neither probability nor pathology, and why.
pub fn failure_row(path_to_study: &str, seconds: f64, reasons: &[Reason]) -> MassRunRow {
    MassRunRow {
        path_to_study: path_to_study.to_owned(),
        study_uid: None,
        series_uid: None,
        probability_of_pathology: None,
        pathology: None,
        processing_status: ProcessingStatus::Failure,
        time_of_processing: seconds,
        most_dangerous_pathology_type: None,
        x_min: None,
        x_max: None,
        y_min: None,
        y_max: None,
        z_min: None,
        z_max: None,
        reason: Some(if reasons.is_empty() {
            "internal: no reason was given".to_owned()
        } else {
            sentences(reasons)
        }),
        slice_count: None,
        image_first: None,
        image_last: None,
        table_position_first_mm: None,
        table_position_last_mm: None,
        verdict: None,
    }
}

fn sentences(reasons: &[Reason]) -> String {
    let sentences: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    sentences.join("; ")
}

/// Whether any row says pathology; None where none says anything.
pub(super) fn summary(rows: &[MassRunRow]) -> Summary {
    let answers: Vec<u8> = rows.iter().filter_map(|row| row.pathology).collect();
    Summary {
        has_pathology_any: (!answers.is_empty()).then(|| answers.contains(&1)),
    }
}
