//! The answer to a study as DICOM objects in a folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::Context;
use ndarray::Array2;
use norma_dicom_results::{Language, ResultsError, ResultsInput, build_results, slices_to_show};
use norma_domain::{PreparedSummary, Report};
use norma_pipeline::{MASKS_FILE, StageMap, VOLUME_FILE, VolumeHeader, decode_segmentation};

use super::reading::{Preparer, StudyFiles};
use super::terminal::tell;
use crate::command_line::{PictureLanguage, Predict};

/// Where the objects go.
pub(crate) struct DicomFolder {
    folder: PathBuf,
    language: Language,
}

impl DicomFolder {
    /// None where none is wanted.
    pub(crate) fn make(arguments: &Predict) -> anyhow::Result<Option<Self>> {
        let Some(folder) = &arguments.dicom_out else {
            return Ok(None);
        };
        fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
        Ok(Some(Self {
            folder: folder.clone(),
            language: match arguments.language {
                PictureLanguage::En => Language::English,
                PictureLanguage::Ru => Language::Russian,
            },
        }))
    }

    /// Writes the objects of a study as `NNNN/report.dcm` and so on, `NNNN` the number of its row. Says where there are
    /// none.
    pub(crate) fn write(
        &self,
        preparer: &Preparer,
        index: usize,
        (report, anomaly): (&Report, Option<&StageMap>),
        prepared: &PreparedSummary,
        files: &StudyFiles,
    ) -> anyhow::Result<()> {
        let study = prepared.study.study_instance_uid.as_ref();
        let source = match preparer.describe(&files.archive) {
            Ok(studies) => studies.into_iter().find(|source| {
                study.is_some_and(|study| study.as_str() == source.attributes.study_instance_uid)
            }),
            Err(reason) => {
                tell(&format!("no DICOM objects for study {index:04}: {reason}"));
                return Ok(());
            }
        };
        let Some(source) = source else {
            tell(&format!(
                "no DICOM objects for study {index:04}: {}",
                ResultsError::NoStudyUid
            ));
            return Ok(());
        };
        let volume = files.folder.path().join(VOLUME_FILE);
        let slices = read_slices(&volume, &slices_to_show(report, prepared))
            .context("failed to read the prepared volume")?;
        let masks = fs::read(files.folder.path().join(MASKS_FILE)).context("failed to read the masks")?;
        let segmentation = decode_segmentation(&masks).context("failed to decode the masks")?;
        let [_, rows, columns] = prepared.study.geometry.shape;
        let anomaly_map = anomaly.map(|map| map.slice_maps(rows, columns));
        let objects = build_results(&ResultsInput {
            report,
            prepared,
            source: &source,
            slices: &slices,
            segmentation: Some(&segmentation),
            anomaly_map: anomaly_map.as_ref(),
            language: self.language,
        });
        let objects = match objects {
            Ok(objects) => objects,
            Err(error @ (ResultsError::NoStudyUid | ResultsError::OtherStudy)) => {
                tell(&format!("no DICOM objects for study {index:04}: {error}"));
                return Ok(());
            }
            Err(error) => return Err(error).context("failed to make the DICOM objects"),
        };
        let folder = self.folder.join(format!("{index:04}"));
        fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
        for object in objects {
            let path = folder.join(format!("{}.dcm", object.name));
            fs::write(&path, object.bytes).with_context(|| format!("failed to write {}", path.display()))?;
        }
        Ok(())
    }
}

/// Slices of a volume object: rows × columns in Hounsfield units.
fn read_slices(volume: &Path, wanted: &[usize]) -> anyhow::Result<BTreeMap<usize, Array2<i16>>> {
    let mut file = File::open(volume)?;
    let mut first = [0_u8; 4];
    file.read_exact(&mut first)?;
    let mut header = vec![0; VolumeHeader::length(first)?];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut header)?;
    let header = VolumeHeader::parse(&header)?;
    let mut slices = BTreeMap::new();
    for slice in wanted {
        let extent = header
            .slices
            .get(*slice)
            .context("the volume has no such slice")?;
        let mut compressed = vec![0; usize::try_from(extent.length)?];
        file.seek(SeekFrom::Start(extent.offset))?;
        file.read_exact(&mut compressed)?;
        slices.insert(*slice, header.slice_values(&compressed)?);
    }
    Ok(slices)
}
