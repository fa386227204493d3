//! Makes the objects of an analysis from its report, the prepared volume and the uploaded files.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use actix_web::web;
use bytes::Bytes;
use ndarray::Array2;
use norma_database::Analysis;
use norma_dicom_results::{
    DicomResult, Language, ResultsError, ResultsInput, SourceStudy, StudyAttributes, build_results,
    slices_to_show,
};
use norma_domain::{AnalysisId, PreparedSummary, Report, Stage};
use norma_object_storage::{ObjectError, ObjectKey};
use norma_pipeline::{StageMap, decode_segmentation};

use crate::dicom_results::collection::ResultObjects;
use crate::gateway::Gateway;
use crate::pixels::PixelObjects;
use crate::problem::ApiError;
use crate::recently_used::RecentlyUsed;
use crate::uploads::Uploads;
use crate::uploads::spool::fetch_original;

/// Answers kept, some tens of kilobytes each: one is sent to several destinations, and again and again while one is away.
const ANSWERS_KEPT: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// Makes the DICOM objects of analyses, and keeps those that were made last.
pub(crate) struct DicomResults {
    pub(super) gateway: Arc<Gateway>,
    pixels: Arc<PixelObjects>,
    uploads: Arc<Uploads>,
    objects: ResultObjects,
    answers: RecentlyUsed<AnalysisId, Answer>,
}

/// An answer and whose it is. Holds patient data.
pub(crate) struct Answer {
    pub(crate) report: Report,
    pub(crate) study: StudyAttributes,
}

impl DicomResults {
    pub(crate) fn new(gateway: Arc<Gateway>, pixels: Arc<PixelObjects>, uploads: Arc<Uploads>) -> Self {
        let objects = ResultObjects::new(&gateway.kept);
        let answers = gateway.kept.recently_used(ANSWERS_KEPT);
        Self {
            gateway,
            pixels,
            uploads,
            objects,
            answers,
        }
    }

    /// The objects of a completed analysis, made where they are not kept.
    pub(crate) async fn objects_of(
        &self,
        analysis: &Analysis,
        language: Language,
    ) -> Result<Arc<Vec<DicomResult>>, ApiError> {
        let key = (analysis.id, language);
        if let Some(objects) = self.objects.get(key) {
            return Ok(objects);
        }
        let _place = self.objects.place().await?;
        if let Some(objects) = self.objects.get(key) {
            return Ok(objects);
        }
        let report = self.gateway.report(analysis.id).await?;
        let prepared = self.gateway.database.prepared(analysis.id).await?;
        let prepared = prepared.ok_or(ApiError::VolumeNotPrepared)?;
        let source = self.source(analysis, &prepared).await?;
        let slices = self.slices(analysis, &report, &prepared).await?;
        let masks = self.stored(ObjectKey::SegmentMasks(analysis.id)).await?;
        let map = self
            .stored(ObjectKey::StageMap(analysis.id, Stage::Anomaly))
            .await?;
        let made = web::block(move || {
            let segmentation = masks.as_deref().map(decode_segmentation).transpose()?;
            let [_, rows, columns] = prepared.study.geometry.shape;
            let map = map.as_deref().map(StageMap::decode).transpose()?;
            let anomaly_map = map.map(|map| map.slice_maps(rows, columns));
            build_results(&ResultsInput {
                report: &report,
                prepared: &prepared,
                source: &source,
                slices: &slices,
                segmentation: segmentation.as_ref(),
                anomaly_map: anomaly_map.as_ref(),
                language,
            })
            .map_err(anyhow::Error::from)
        })
        .await
        .map_err(ApiError::internal)?;
        match made {
            Ok(objects) => Ok(self.objects.keep(key, objects)),
            Err(error) => Err(match error.downcast_ref() {
                Some(ResultsError::NoStudyUid | ResultsError::OtherStudy) => ApiError::NoDicomResults,
                _ => ApiError::Internal(error),
            }),
        }
    }

    /// The answer of a completed analysis, and whose study it is of as the uploaded files tell: fetched where it is not kept.
    pub(crate) async fn answer_of(&self, analysis: &Analysis) -> Result<Arc<Answer>, ApiError> {
        if let Some(answer) = self.answers.get(&analysis.id) {
            return Ok(answer);
        }
        let _place = self.objects.place().await?;
        if let Some(answer) = self.answers.get(&analysis.id) {
            return Ok(answer);
        }
        let report = self.gateway.report(analysis.id).await?;
        let prepared = self.gateway.database.prepared(analysis.id).await?;
        let prepared = prepared.ok_or(ApiError::VolumeNotPrepared)?;
        let study = self.source(analysis, &prepared).await?.attributes;
        let answer = Arc::new(Answer { report, study });
        self.answers.insert(analysis.id, Arc::clone(&answer));
        Ok(answer)
    }

    /// An object of an analysis. None where it has none: masks are younger than some analyses, and a stage that failed has no map.
    async fn stored(&self, key: ObjectKey) -> Result<Option<Bytes>, ApiError> {
        match self.gateway.objects.get(key).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ObjectError::NotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The study that was analysed, as the uploaded files tell.
    async fn source(&self, analysis: &Analysis, prepared: &PreparedSummary) -> Result<SourceStudy, ApiError> {
        let Some(study) = &prepared.study.study_instance_uid else {
            return Err(ApiError::NoDicomResults);
        };
        let path = fetch_original(&self.gateway, analysis.scan_id).await?;
        let studies = self.uploads.reader.describe(&path).await?;
        studies
            .into_iter()
            .find(|source| source.attributes.study_instance_uid == study.as_str())
            .ok_or(ApiError::NoDicomResults)
    }

    async fn slices(
        &self,
        analysis: &Analysis,
        report: &Report,
        prepared: &PreparedSummary,
    ) -> Result<BTreeMap<usize, Array2<i16>>, ApiError> {
        let header = self.pixels.header(analysis.id).await?;
        let header = header.ok_or(ApiError::VolumeNotPrepared)?;
        let mut slices = BTreeMap::new();
        for slice in slices_to_show(report, prepared) {
            let Some(extent) = header.slices.get(slice).copied() else {
                continue;
            };
            let compressed = self.pixels.compressed_slice(analysis.id, extent).await?;
            let pixels = header.slice_values(&compressed).map_err(ApiError::internal)?;
            slices.insert(slice, pixels);
        }
        Ok(slices)
    }
}
