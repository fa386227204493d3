//! QIDO-RS (PS3.18 section 10.6): studies, series and instances by their attributes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, routes};
use norma_database::Page;
use norma_dicom_instances::{Attributes, Section};
use norma_domain::StudyInstanceUid;

use crate::dicomweb::document::{answer, instance_document, series_document, service_url, study_document};
use crate::dicomweb::indexes::DicomWeb;
use crate::dicomweb::locate::{Located, PathUids};
use crate::dicomweb::matching::{is_match, is_one_of};
use crate::dicomweb::model_form::ModelForm;
use crate::dicomweb::parameters::MORE;
use crate::dicomweb::query::{Level, MODALITIES_IN_STUDY, Search};
use crate::identity::{Access, Notes};
use crate::problem::ApiError;

/// Studies that a search for series or instances looks into where it names none.
const MOST_STUDIES: u32 = 200;

/// Documents made before others are served.
const DOCUMENTS_IN_ONE_GO: usize = 32;

const NOT_INDEXED: &str = "Some studies are not indexed yet: search again soon";
const UNREADABLE: &str = "Some studies cannot be read and were left out";
const TOO_MANY_STUDIES: &str = "Only the newest studies were looked into: name one, or narrow the search";

/// Searches for studies.
#[get("/dicom-web/studies")]
pub(crate) async fn search_studies(
    web: Data<DicomWeb>,
    request: HttpRequest,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    let form = ModelForm::of_list(&request)?;
    let web = web.into_inner();
    let search = Search::of(&request, Level::Study)?;
    let mut warnings = Warnings::of(&search);
    warnings.add(!web.catch_up().await?, NOT_INDEXED);
    let _turn = web.search_turn(&access.caller.owner()).await?;
    let page = Page {
        limit: search.limit,
        offset: search.offset,
    };
    let (studies, has_more) = web
        .gateway
        .database
        .search_dicom_studies(search.study_query(&access), page)
        .await?;
    warnings.add(has_more, MORE);
    let service = service_url(&request, &web.gateway);
    let documents = studies
        .iter()
        .map(|study| study_document(&service, study))
        .collect::<Result<Vec<_>, _>>()?;
    answer(&form, &documents, &warnings.0)
}

/// Searches for series, of one study or of all.
#[routes]
#[get("/dicom-web/series")]
#[get("/dicom-web/studies/{study}/series")]
pub(crate) async fn search_series(
    web: Data<DicomWeb>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
) -> Result<HttpResponse, ApiError> {
    let form = ModelForm::of_list(&request)?;
    let web = web.into_inner();
    let search = Search::of(&request, Level::Series)?;
    let mut warnings = Warnings::of(&search);
    let is_of_study = request.match_info().get("study").is_some();
    let located = web
        .searched(&request, &access, &notes, (&search, Level::Series), &mut warnings)
        .await?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut firsts: Vec<Located> = Vec::new();
    for located in located {
        let count = counts
            .entry(located.instance().series_instance_uid.clone())
            .or_default();
        *count += 1;
        if *count == 1 {
            firsts.push(located);
        }
    }
    let service = service_url(&request, &web.gateway);
    let found = page_of(firsts, &search, &mut warnings);
    let documents: Vec<Attributes> = found
        .iter()
        .map(|located| {
            let count = counts.get(&located.instance().series_instance_uid).copied();
            series_document(&service, located, count.unwrap_or_default(), !is_of_study)
        })
        .collect();
    answer(&form, &documents, &warnings.0)
}

/// Searches for instances, of one series, of one study, or of all.
#[routes]
#[get("/dicom-web/instances")]
#[get("/dicom-web/studies/{study}/instances")]
#[get("/dicom-web/studies/{study}/series/{series}/instances")]
pub(crate) async fn search_instances(
    web: Data<DicomWeb>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
) -> Result<HttpResponse, ApiError> {
    let form = ModelForm::of_list(&request)?;
    let web = web.into_inner();
    let search = Search::of(&request, Level::Instance)?;
    let mut warnings = Warnings::of(&search);
    let is_of_series = request.match_info().get("series").is_some();
    let located = web
        .searched(
            &request,
            &access,
            &notes,
            (&search, Level::Instance),
            &mut warnings,
        )
        .await?;
    let service = service_url(&request, &web.gateway);
    let mut documents = Vec::new();
    for located in page_of(located, &search, &mut warnings) {
        let mut document = instance_document(&service, &located, !is_of_series);
        let lacks = |tag: &String| !document.contains_key(tag);
        if search.includes_all || search.include.iter().any(lacks) {
            web.include(&located, &search, &mut document).await?;
        }
        documents.push(document);
        if documents.len().is_multiple_of(DOCUMENTS_IN_ONE_GO) {
            tokio::task::yield_now().await;
        }
    }
    answer(&form, &documents, &warnings.0)
}

impl DicomWeb {
    /// The instances that a search for series or instances finds, matched down to its level.
    async fn searched(
        self: &Arc<Self>,
        request: &HttpRequest,
        access: &Access,
        notes: &Notes,
        (search, level): (&Search, Level),
        warnings: &mut Warnings,
    ) -> Result<Vec<Located>, ApiError> {
        let mut located = Vec::new();
        if request.match_info().get("study").is_some() {
            let uids = PathUids::of(request)?;
            located = self.instances(access, notes, &uids).await?;
            let modalities = modalities_of(&located);
            let is_among = |wanted: &str| modalities.iter().any(|held| is_one_of("CS", held, wanted));
            located.retain(|located| {
                let mut matches = search.matches_of(Level::Study);
                matches.all(|(tag, wanted)| match tag.as_str() {
                    MODALITIES_IN_STUDY => is_among(wanted),
                    tag => is_match(&located.holding.index.study, tag, wanted),
                })
            });
            keep_matching(&mut located, search, level);
        } else {
            warnings.add(!self.catch_up().await?, NOT_INDEXED);
            let _turn = self.search_turn(&access.caller.owner()).await?;
            let page = Page {
                limit: MOST_STUDIES,
                offset: 0,
            };
            let query = search.study_query(access);
            let (studies, has_more) = self.gateway.database.search_dicom_studies(query, page).await?;
            warnings.add(has_more, TOO_MANY_STUDIES);
            let mut unreadable = false;
            for study in studies {
                let Ok(uid) = StudyInstanceUid::new(&study.study_instance_uid) else {
                    continue;
                };
                match self.stored_instances(access, &uid).await {
                    Ok(mut instances) => {
                        keep_matching(&mut instances, search, level);
                        located.extend(instances);
                    }
                    // Deleted meanwhile.
                    Err(ApiError::ScanNotFound) => {}
                    // One study whose files are damaged hides no other.
                    Err(ApiError::Internal(error)) => {
                        tracing::error!(%error, "a study was left out of a search");
                        unreadable = true;
                    }
                    Err(error) => return Err(error),
                }
                // Others are served between two studies.
                tokio::task::yield_now().await;
            }
            warnings.add(unreadable, UNREADABLE);
        }
        Ok(located)
    }

    /// Adds what is asked for and stands in the metadata alone.
    async fn include(
        &self,
        located: &Located,
        search: &Search,
        document: &mut Attributes,
    ) -> Result<(), ApiError> {
        let span = located.instance().metadata;
        let json = located
            .holding
            .read(&self.gateway.objects, Section::Container, span)
            .await?;
        let metadata: Attributes = serde_json::from_slice(&json).map_err(ApiError::internal)?;
        for (tag, value) in metadata {
            let is_wanted = search.includes_all || search.include.contains(&tag);
            // What is bulk here is had by the metadata.
            if is_wanted && value.get("BulkDataURI").is_none() {
                document.entry(tag).or_insert(value);
            }
        }
        Ok(())
    }
}

/// Those of the series of a study.
fn modalities_of(study: &[Located]) -> BTreeSet<String> {
    let of_series = study.iter().filter_map(|located| {
        let modality = located.series()?.attributes.get("00080060")?;
        Some(modality.get("Value")?.get(0)?.as_str()?.to_owned())
    });
    of_series.collect()
}

/// Keeps the instances whose series match, and for [`Level::Instance`] that match themselves.
fn keep_matching(located: &mut Vec<Located>, search: &Search, level: Level) {
    located.retain(|located| {
        let Some(series) = located.series() else {
            return false;
        };
        let mut of_series = search.matches_of(Level::Series);
        let mut of_instance = search.matches_of(Level::Instance);
        of_series.all(|(tag, wanted)| is_match(&series.attributes, tag, wanted))
            && (level != Level::Instance
                || of_instance.all(|(tag, wanted)| is_match(&located.instance().attributes, tag, wanted)))
    });
}

/// What the client should know of the answer.
struct Warnings(Vec<&'static str>);

impl Warnings {
    fn of(search: &Search) -> Self {
        Self(search.unsupported.clone())
    }

    fn add(&mut self, is_so: bool, warning: &'static str) {
        if is_so {
            self.0.push(warning);
        }
    }
}

fn page_of(found: Vec<Located>, search: &Search, warnings: &mut Warnings) -> Vec<Located> {
    let (offset, limit) = (search.offset as usize, search.limit as usize);
    warnings.add(found.len() > offset.saturating_add(limit), MORE);
    found.into_iter().skip(offset).take(limit).collect()
}
