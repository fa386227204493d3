//! Archives that studies are pulled from, as the settings say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use norma_dicom_network::{
    AeTitle, FindLimits, Found, FoundSeries, FoundStudy, NetworkError, ScuOptions, StudyKeys,
    StudyToRetrieve, find_series,
};
use norma_domain::StudyInstanceUid;
use norma_service::{RetrieveMethod, Settings, SourceSettings};

use crate::certificate::Certificate;
use crate::network_peer::{NetworkPeer, PeerTls};

/// Of a search that somebody waits for.
const FIND_LONGEST: Duration = Duration::from_secs(60);

/// Series of one study.
const MOST_SERIES: usize = 2000;

/// What an archive has.
pub type FoundStudies = Found<FoundStudy>;

/// The archives that studies are pulled from, by their names.
#[derive(Debug, Clone, Default)]
pub struct Sources(Arc<BTreeMap<String, Source>>);

/// An archive that studies are pulled from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(super) name: String,
    pub(super) title: AeTitle,
    pub(super) scu: ScuOptions,
    pub(super) retrieve: RetrieveMethod,
}

impl Sources {
    /// As the settings name them.
    ///
    /// # Errors
    /// Where a title or a certificate is none.
    pub fn of_settings(settings: &Settings) -> anyhow::Result<Self> {
        let certificate = Certificate::of_node(settings)?;
        Self::of(settings, certificate.as_ref())
    }

    pub(crate) fn of(settings: &Settings, certificate: Option<&Arc<Certificate>>) -> anyhow::Result<Self> {
        let own: AeTitle = settings.pacs.ae_title.parse().context("pacs.ae_title")?;
        let sources = settings.pacs.sources.iter().map(|(name, source)| {
            let source = Source::of(name, source, &own, certificate)
                .with_context(|| format!("pacs.sources.{name}"))?;
            Ok((name.clone(), source))
        });
        Ok(Self(Arc::new(sources.collect::<anyhow::Result<_>>()?)))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Source> {
        self.0.values()
    }

    /// Their names, and how they are called.
    pub(crate) fn peers(&self) -> impl Iterator<Item = (&str, ScuOptions)> {
        self.0
            .values()
            .map(|source| (source.name.as_str(), source.scu.clone()))
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Asks an archive what it has; None where it is none of these.
    ///
    /// # Errors
    /// What the archive, or its absence, says.
    pub async fn find(
        &self,
        name: &str,
        keys: &StudyKeys,
        answers: usize,
    ) -> Option<Result<FoundStudies, NetworkError>> {
        let source = self.0.get(name)?;
        let limits = FindLimits {
            answers,
            longest: FIND_LONGEST,
        };
        Some(norma_dicom_network::find_studies(&source.scu, keys, limits).await)
    }
}

impl Sources {
    /// Asks an archive for the series that it has of a study, and how many instances that has as a whole; None where it is none of these.
    ///
    /// # Errors
    /// What the archive, or its absence, says.
    pub(crate) async fn counts(
        &self,
        name: &str,
        study: &StudyInstanceUid,
    ) -> Option<Result<(Vec<FoundSeries>, Option<u32>), NetworkError>> {
        let source = self.0.get(name)?;
        let limits = FindLimits {
            answers: MOST_SERIES,
            longest: FIND_LONGEST,
        };
        let wanted = StudyToRetrieve {
            study_instance_uid: study.clone(),
            patient_id: String::new(),
        };
        let series = match find_series(&source.scu, &wanted, limits).await {
            Ok(found) => found.items,
            Err(error) => return Some(Err(error)),
        };
        if !series.is_empty() && series.iter().all(|series| series.instance_count.is_some()) {
            return Some(Ok((series, None)));
        }
        let keys = StudyKeys {
            study_instance_uid: Some(study.as_str().to_owned()),
            ..StudyKeys::default()
        };
        let found = self.find(name, &keys, 1).await?;
        Some(found.map(|found| {
            let mut studies = found.items.into_iter();
            (series, studies.next().and_then(|study| study.instance_count))
        }))
    }
}

impl Source {
    fn of(
        name: &str,
        settings: &SourceSettings,
        own: &AeTitle,
        certificate: Option<&Arc<Certificate>>,
    ) -> anyhow::Result<Self> {
        let title = settings.ae_title.as_deref().unwrap_or_default();
        let title: AeTitle = title.parse().context("ae_title")?;
        let tls = settings.tls.then_some(PeerTls {
            authority: settings.tls_ca.as_deref(),
            name: settings.tls_name.as_deref(),
        });
        let host = settings.host.as_deref().unwrap_or_default();
        let peer = NetworkPeer::of(host, settings.port, tls, certificate)?;
        Ok(Self {
            name: name.to_owned(),
            scu: peer.scu(&title, own),
            title,
            retrieve: settings.retrieve,
        })
    }
}
