use std::fs::File;
use std::path::Path;

use norma_domain::{PreparedSummary, QualityConsequence, Reason};
use norma_volume::PreparedSlices;

use super::error::{TrainingSetError, write_error};
use super::npy::PlaneWriter;

const COLUMNS: [&str; 13] = [
    "study",
    "study_instance_uid",
    "series_instance_uid",
    "slice",
    "slices",
    "spacing_z_mm",
    "row",
    "prepared",
    "reason",
    "doubts",
    "crop_y",
    "crop_x",
    "crop_side",
];

/// A training set of whole studies, one row per prepared slice. Beside `pixels.npy` and `lung_mask.npy` (uint8,
/// `(n, 224, 224)`, mask 0 or 1) stands `index.csv`: the study's path, its UIDs, the slice's index along z and the
/// number of slices of the volume, `row` in the arrays, and the crop in pixels of the slice. A study that could not
/// be prepared has one line with `prepared` no and a reason; `doubts` names the quality checks that did not pass.
#[derive(Debug)]
pub struct StudySet {
    pixels: PlaneWriter,
    masks: PlaneWriter,
    index: csv::Writer<File>,
    index_path: std::path::PathBuf,
    studies: usize,
}

impl StudySet {
    /// Begins a set in an existing folder; files of an earlier one are replaced.
    pub fn create(out: &Path) -> Result<Self, TrainingSetError> {
        let index_path = out.join("index.csv");
        let mut index = csv::Writer::from_path(&index_path).map_err(TrainingSetError::WriteIndex)?;
        index
            .write_record(COLUMNS)
            .map_err(TrainingSetError::WriteIndex)?;
        Ok(Self {
            pixels: PlaneWriter::create(&out.join("pixels.npy"))?,
            masks: PlaneWriter::create(&out.join("lung_mask.npy"))?,
            index,
            index_path,
            studies: 0,
        })
    }

    /// Adds the slices of a prepared study.
    pub fn add(
        &mut self,
        study: &str,
        summary: &PreparedSummary,
        prepared: &PreparedSlices,
    ) -> Result<(), TrainingSetError> {
        let uid = |uid: Option<String>| uid.unwrap_or_default();
        let doubts: Vec<&str> = summary
            .quality
            .iter()
            .filter(|check| !check.passed && check.consequence != QualityConsequence::Note)
            .map(|check| check.code.as_str())
            .collect();
        for (position, slice) in prepared.slices.iter().enumerate() {
            let row = self
                .pixels
                .push(&prepared.pixels.index_axis(ndarray::Axis(0), position))?;
            self.masks
                .push(&prepared.lung_mask.index_axis(ndarray::Axis(0), position))?;
            let crop = prepared.crops[position];
            self.index
                .write_record([
                    study,
                    &uid(summary.study.study_instance_uid.as_ref().map(ToString::to_string)),
                    &uid(summary
                        .study
                        .series_instance_uid
                        .as_ref()
                        .map(ToString::to_string)),
                    &slice.to_string(),
                    &summary.study.geometry.shape[0].to_string(),
                    &format!("{:.3}", summary.study.geometry.spacing_mm.z()),
                    &row.to_string(),
                    "yes",
                    "",
                    &doubts.join(" "),
                    &format!("{:.2}", crop.y),
                    &format!("{:.2}", crop.x),
                    &format!("{:.2}", crop.side),
                ])
                .map_err(TrainingSetError::WriteIndex)?;
        }
        self.studies += 1;
        Ok(())
    }

    /// Notes a study that could not be prepared.
    pub fn reject(&mut self, study: &str, reason: &Reason) -> Result<(), TrainingSetError> {
        let reason = reason.to_string();
        let mut record = [""; COLUMNS.len()];
        record[0] = study;
        record[7] = "no";
        record[8] = &reason;
        self.index
            .write_record(record)
            .map_err(TrainingSetError::WriteIndex)
    }

    /// Completes the files and returns the number of studies prepared.
    pub fn finish(mut self) -> Result<usize, TrainingSetError> {
        self.index
            .flush()
            .map_err(|source| write_error(&self.index_path, source))?;
        self.masks.finish()?;
        self.pixels.finish()?;
        Ok(self.studies)
    }
}
