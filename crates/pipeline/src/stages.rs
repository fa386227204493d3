//! The model stages: prepared slices in, result and map out. Used by the workers and by the command line.

use std::time::Instant;

use ndarray::{Array3, Axis};
use norma_domain::{
    Finding, ModelReference, Probability, ReasonCode, ScoreComponent, SliceScore, Stage, StageResult,
};
use norma_inference::{
    AnomalyModels, AnomalyReading, ClassifierModel, KnownOutputs, SharedOutputs, SharedPass, Slices,
    StageModels, TypingModel, bilinear,
};
use norma_volume::{CropBox, PreparedSlices};

use crate::body_clip::clip_to_body;
use crate::localization::strongest_region;
use crate::objects::StageMap;
use crate::stage_error::StageError;

/// Runs one model stage on a prepared study. What `known` holds of the slices is not computed again.
///
/// # Errors
/// [`StageError`] with the reason: a model that is not open, a run that failed (retryable), a score that is
/// not finite, slices without lungs. Never a result that only looks like one.
pub fn run_stage(
    models: &StageModels,
    stage: Stage,
    slices: &PreparedSlices,
    known: Option<&KnownOutputs>,
) -> Result<(StageResult, Option<StageMap>), StageError> {
    let started = Instant::now();
    let input = check_input(slices)?.with_known(known);
    let not_open =
        || StageError::final_failure(ReasonCode::ModelMissing, format!("the {stage} model is not open"));
    let (mut result, map) = match stage {
        Stage::Anomaly => run_anomaly(models.anomaly().ok_or_else(not_open)?, &input, slices)?,
        Stage::Classifier => run_classifier(models.classifier().ok_or_else(not_open)?, &input, slices)?,
        Stage::Typing => (
            run_typing(models.typing().ok_or_else(not_open)?, &input, slices)?,
            None,
        ),
        Stage::Preprocess | Stage::Report => {
            return Err(StageError::final_failure(
                ReasonCode::Internal,
                format!("{stage} is no model stage"),
            ));
        }
    };
    // In voxels of the volume, whose size the prepared slices do not hold: the merge cuts the box to it.
    result.localization = map.as_ref().and_then(strongest_region);
    result.has_map = map.is_some();
    result.bundle = Some(models.bundle().clone());
    result.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok((result, map))
}

/// Reads a prepared study with the graphs that several models have in common, for [`run_stage`] of each.
///
/// # Errors
/// As of [`run_stage`]. No stage needs what is missing then: each reads the slices itself and says what is wrong.
pub fn read_shared(pass: &SharedPass, slices: &PreparedSlices) -> Result<SharedOutputs, StageError> {
    Ok(pass.run(&check_input(slices)?)?)
}

fn check_input(slices: &PreparedSlices) -> Result<Slices<'_>, StageError> {
    let count = slices.pixels.len_of(Axis(0));
    Slices::new(&slices.pixels, &slices.lung_mask)
        .filter(|_| slices.slices.len() == count && slices.crops.len() == count)
        .ok_or_else(|| {
            StageError::final_failure(
                ReasonCode::InferenceFailed,
                format!("{count} prepared slices are not a study to read"),
            )
        })
}

fn run_anomaly(
    anomaly: &AnomalyModels,
    input: &Slices<'_>,
    slices: &PreparedSlices,
) -> Result<(StageResult, Option<StageMap>), StageError> {
    let readings = anomaly
        .models
        .iter()
        .map(|model| model.read(input))
        .collect::<Result<Vec<_>, _>>()?;
    let indices = match readings.first() {
        Some(first) if readings.iter().all(|reading| reading.indices == first.indices) => {
            first.indices.clone()
        }
        _ => {
            return Err(StageError::final_failure(
                ReasonCode::ModelInvalid,
                "the anomaly models do not read the same slices",
            ));
        }
    };
    let combine = |values: &[f64]| anomaly.combination.apply(values);
    let scores: Vec<f64> = readings.iter().map(AnomalyReading::normalised).collect();
    // Where a model knows what is usual at which height, a slice is as unusual as its most unusual place is for
    // that place; the plain distance is high at the bases of every study.
    let of_slices: Vec<Vec<f64>> = readings
        .iter()
        .map(|reading| {
            reading
                .slice_peaks()
                .unwrap_or_else(|| reading.normalised_slices())
        })
        .collect();
    let slice_scores: Vec<f64> = (0..indices.len())
        .map(|index| combine(&of_slices.iter().map(|scores| scores[index]).collect::<Vec<_>>()))
        .collect();
    let measured: Vec<(&str, &str)> = readings
        .iter()
        .map(|reading| reading.measure)
        .zip(anomaly.models.iter().map(|model| model.reference().name.as_str()))
        .collect();
    let components = readings
        .iter()
        .zip(component_names(&measured))
        .map(|(reading, name)| ScoreComponent {
            name,
            raw: reading.raw,
            normalised: reading.normalised(),
            slice_scores: slice_scores_of(slices, &indices, &reading.slice_scores),
        })
        .collect();
    let result = StageResult {
        score: Some(probability(Stage::Anomaly, combine(&scores))?),
        slice_scores: slice_scores_of(slices, &indices, &slice_scores),
        components,
        ..empty_result(
            Stage::Anomaly,
            anomaly
                .models
                .iter()
                .map(|model| model.reference().clone())
                .collect(),
            anomaly
                .models
                .iter()
                .map(|model| model.execution_provider_of(input)),
        )
    };
    let maps: Vec<Array3<f32>> = readings.iter().map(AnomalyReading::visible_maps).collect();
    let map = stage_map(slices, &indices, &combine_maps(&maps, &combine));
    Ok((result, Some(map)))
}

/// What each model measures, from pairs of measure and model; of models that measure the same, with the model's name.
fn component_names(models: &[(&str, &str)]) -> Vec<String> {
    models
        .iter()
        .map(|(measure, model)| {
            let alike = models.iter().filter(|(other, _)| other == measure).count();
            if alike > 1 {
                format!("{measure}:{model}")
            } else {
                (*measure).to_owned()
            }
        })
        .collect()
}

fn run_classifier(
    model: &ClassifierModel,
    input: &Slices<'_>,
    slices: &PreparedSlices,
) -> Result<(StageResult, Option<StageMap>), StageError> {
    let reading = model.read(input)?;
    let result = StageResult {
        score: Some(probability(Stage::Classifier, reading.score)?),
        slice_scores: slice_scores_of(slices, &reading.indices, &reading.slice_scores),
        ..empty_result(
            Stage::Classifier,
            vec![model.reference().clone()],
            [model.execution_provider_of(input)],
        )
    };
    let map = reading
        .visible_maps()
        .map(|maps| stage_map(slices, &reading.indices, &maps));
    Ok((result, map))
}

fn run_typing(
    model: &TypingModel,
    input: &Slices<'_>,
    slices: &PreparedSlices,
) -> Result<StageResult, StageError> {
    let reading = model.read(input)?;
    let mut findings: Vec<Finding> = reading
        .labels
        .iter()
        .map(|label| Finding {
            label: label.label.key.clone(),
            name_en: label.label.en.clone(),
            name_ru: label.label.ru.clone(),
            probability: label.probability,
            present: label.probability >= label.label.threshold,
            key_slice: slices.slices[label.key_index],
        })
        .collect();
    findings.sort_by(|left, right| right.probability.value().total_cmp(&left.probability.value()));
    Ok(StageResult {
        slice_scores: slice_scores_of(slices, &reading.indices, &reading.slice_scores),
        findings,
        ..empty_result(
            Stage::Typing,
            vec![model.reference().clone()],
            [model.execution_provider_of(input)],
        )
    })
}

fn empty_result(
    stage: Stage,
    models: Vec<ModelReference>,
    providers: impl IntoIterator<Item = String>,
) -> StageResult {
    let mut names: Vec<String> = providers.into_iter().collect();
    names.dedup();
    StageResult {
        stage,
        models,
        bundle: None,
        execution_provider: names.join(", "),
        duration_ms: 0,
        score: None,
        slice_scores: Vec::new(),
        components: Vec::new(),
        findings: Vec::new(),
        localization: None,
        has_map: false,
    }
}

fn probability(stage: Stage, score: f64) -> Result<Probability, StageError> {
    Probability::new(score).map_err(|error| {
        StageError::final_failure(
            ReasonCode::ScoreNotFinite,
            format!("the score of {stage}: {error}"),
        )
    })
}

fn slice_scores_of(slices: &PreparedSlices, indices: &[usize], scores: &[f64]) -> Vec<SliceScore> {
    indices
        .iter()
        .zip(scores)
        .map(|(index, score)| SliceScore {
            slice: slices.slices[*index],
            score: *score,
        })
        .collect()
}

/// Brings the models' maps (0..=1) to the finest of their grids and combines them as their scores are.
fn combine_maps(maps: &[Array3<f32>], combine: &impl Fn(&[f64]) -> f64) -> Array3<f32> {
    if let [only] = maps {
        return only.clone();
    }
    let count = maps.iter().map(|map| map.len_of(Axis(0))).min().unwrap_or(0);
    let rows = maps.iter().map(|map| map.len_of(Axis(1))).max().unwrap_or(0);
    let columns = maps.iter().map(|map| map.len_of(Axis(2))).max().unwrap_or(0);
    let mut combined = Array3::zeros((count, rows, columns));
    for (index, mut target) in combined.outer_iter_mut().enumerate() {
        let resized: Vec<_> = maps
            .iter()
            .map(|map| bilinear(&map.index_axis(Axis(0), index), rows, columns))
            .collect();
        for (place, value) in target.indexed_iter_mut() {
            let values: Vec<f64> = resized.iter().map(|map| f64::from(map[place])).collect();
            *value = combine(&values) as f32;
        }
    }
    combined
}

fn stage_map(slices: &PreparedSlices, indices: &[usize], maps: &Array3<f32>) -> StageMap {
    let maps = clip_to_body(maps, slices, indices);
    let crops: Vec<CropBox> = indices.iter().map(|index| slices.crops[*index]).collect();
    StageMap {
        slices: indices.iter().map(|index| slices.slices[*index]).collect(),
        maps: maps.mapv(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8),
        crops,
    }
}

#[cfg(test)]
mod tests {
    use super::component_names;

    #[test]
    fn models_that_measure_the_same_are_told_apart_by_name() {
        assert_eq!(
            component_names(&[
                ("patch_distance", "patch-memory"),
                ("reconstruction_error", "autoencoder")
            ]),
            ["patch_distance", "reconstruction_error"]
        );
        assert_eq!(
            component_names(&[
                ("patch_distance", "patch-memory"),
                ("patch_distance", "foundation-memory"),
                ("reconstruction_error", "autoencoder")
            ]),
            [
                "patch_distance:patch-memory",
                "patch_distance:foundation-memory",
                "reconstruction_error"
            ]
        );
    }
}
