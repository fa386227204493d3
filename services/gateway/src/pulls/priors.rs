//! Which earlier studies of a patient are pulled.

use std::time::Duration;

use chrono::{Days, NaiveDate, Utc};
use norma_database::PullWish;
use norma_dicom_network::{
    FindLimits, FoundSeries, FoundStudy, NetworkError, StudyKeys, StudyToRetrieve, find_series, find_studies,
};
use norma_dicom_spool::StudyKey;
use norma_domain::{ScanId, StudyIdentity};
use norma_service::PriorsSettings;

use crate::pulls::source::Source;

/// Answers to a search; a patient has fewer studies.
const MOST_ANSWERS: usize = 2000;
/// Studies whose series are looked at, for each that is wanted.
const LOOKED_AT_TIMES: usize = 5;
const FIND_LONGEST: Duration = Duration::from_secs(120);
const DAY: &str = "%Y%m%d";

/// What the settings say of earlier studies.
#[derive(Debug, Clone)]
pub(crate) struct PriorsOptions {
    /// A name of the sources.
    pub(crate) source: String,
    studies: usize,
    days: u32,
    modality: String,
    /// Upper case; empty: whatever they are of.
    body_parts: Vec<String>,
}

impl PriorsOptions {
    /// None where none are pulled.
    pub(crate) fn of(settings: &PriorsSettings) -> Option<Self> {
        Some(Self {
            source: settings.source.clone()?,
            studies: settings.studies,
            days: settings.days,
            modality: settings.modality.clone(),
            body_parts: settings
                .body_parts
                .iter()
                .map(|part| part.to_uppercase())
                .collect(),
        })
    }

    /// What is asked for a scan of a study; None where nobody says whose it is, or its Patient ID is a pseudonym or none that stands
    /// for itself.
    pub(crate) fn wish(
        &self,
        scan_id: ScanId,
        study_key: &StudyKey,
        identity: &StudyIdentity,
    ) -> Option<PullWish> {
        let keys = StudyKeys {
            patient_id: identity.patient_id.clone(),
            issuer_of_patient_id: identity.issuer_of_patient_id.clone(),
            ..StudyKeys::default()
        };
        if identity.is_deidentified || keys.check().is_err() {
            return None;
        }
        Some(PullWish::Priors {
            scan_id,
            study_key: study_key.to_string(),
            study_date: identity.study_date.clone(),
            patient_id: keys.patient_id?,
            issuer_of_patient_id: keys.issuer_of_patient_id,
        })
    }

    /// The studies to pull, the latest first.
    pub(super) async fn choose(
        &self,
        source: &Source,
        of: &PriorsOf<'_>,
    ) -> Result<Vec<FoundStudy>, NetworkError> {
        let limits = FindLimits {
            answers: MOST_ANSWERS,
            longest: FIND_LONGEST,
        };
        let found = find_studies(&source.scu, &self.keys(of), limits).await?;
        let candidates = earlier(found.items, of.study_key);
        let mut chosen = Vec::new();
        for study in candidates.into_iter().take(self.studies * LOOKED_AT_TIMES) {
            if chosen.len() == self.studies {
                break;
            }
            let wanted = StudyToRetrieve {
                study_instance_uid: study.study_instance_uid.clone(),
                patient_id: study.patient_id.clone(),
            };
            let series = find_series(&source.scu, &wanted, limits).await?;
            if self.is_of_use(&series.items) {
                chosen.push(study);
            }
        }
        Ok(chosen)
    }

    fn keys(&self, of: &PriorsOf<'_>) -> StudyKeys {
        let day = of
            .study_date
            .and_then(|date| NaiveDate::parse_from_str(date, DAY).ok());
        let until = day.unwrap_or_else(|| Utc::now().date_naive());
        let from = until.checked_sub_days(Days::new(self.days.into()));
        StudyKeys {
            patient_id: Some(of.patient_id.to_owned()),
            issuer_of_patient_id: of.issuer_of_patient_id.map(str::to_owned),
            modality: Some(self.modality.clone()),
            from: from.map(|day| day.format(DAY).to_string()),
            until: Some(until.format(DAY).to_string()),
            ..StudyKeys::default()
        }
    }

    /// Of a study of which the archive says nothing, too: that it does not know is no reason to leave it out.
    fn is_of_use(&self, series: &[FoundSeries]) -> bool {
        if series.is_empty() {
            return true;
        }
        let is_of_part = |series: &&FoundSeries| {
            let part = series.body_part.to_uppercase();
            self.body_parts.is_empty() || part.is_empty() || self.body_parts.contains(&part)
        };
        let is_of_modality =
            |series: &&FoundSeries| series.modality.is_empty() || series.modality == self.modality;
        series
            .iter()
            .filter(is_of_modality)
            .any(|series| is_of_part(&series))
    }
}

/// Whose earlier studies are wanted, and earlier than what.
pub(super) struct PriorsOf<'a> {
    pub(super) study_key: &'a str,
    pub(super) study_date: Option<&'a str>,
    pub(super) patient_id: &'a str,
    pub(super) issuer_of_patient_id: Option<&'a str>,
}

/// Other studies than this, the latest first.
fn earlier(mut studies: Vec<FoundStudy>, study_key: &str) -> Vec<FoundStudy> {
    studies.retain(|study| StudyKey::of(&study.study_instance_uid).as_str() != study_key);
    studies.sort_by(|one, other| {
        let when = |study: &FoundStudy| (study.study_date.clone(), study.study_time.clone());
        when(other).cmp(&when(one))
    });
    studies
}

#[cfg(test)]
mod tests {
    use norma_domain::{SeriesInstanceUid, StudyInstanceUid};

    use super::*;

    fn options() -> PriorsOptions {
        PriorsOptions {
            source: "archive".to_owned(),
            studies: 2,
            days: 365,
            modality: "CT".to_owned(),
            body_parts: vec!["CHEST".to_owned()],
        }
    }

    fn series(modality: &str, body_part: &str) -> FoundSeries {
        FoundSeries {
            instance_count: None,
            series_instance_uid: SeriesInstanceUid::new("1.2").unwrap(),
            modality: modality.to_owned(),
            body_part: body_part.to_owned(),
        }
    }

    #[test]
    fn studies_of_other_parts_are_left_out_and_those_that_say_nothing_are_not() {
        let is_of_use = |series: &[FoundSeries]| options().is_of_use(series);
        assert!(is_of_use(&[series("CT", "Chest")]));
        assert!(is_of_use(&[series("CT", "HEAD"), series("CT", "CHEST")]));
        assert!(is_of_use(&[series("CT", "")]));
        assert!(is_of_use(&[]));
        assert!(!is_of_use(&[series("CT", "HEAD"), series("SR", "")]));
        assert!(!is_of_use(&[series("MR", "CHEST")]));
    }

    #[test]
    fn they_are_asked_for_by_the_patient_alone() {
        let identity = |patient_id: Option<&str>| StudyIdentity {
            patient_id: patient_id.map(str::to_owned),
            patient_name: Some("Petrova^Anna".to_owned()),
            ..StudyIdentity::default()
        };
        let key = StudyKey::of(&StudyInstanceUid::new("1.2").unwrap());
        let wish = |identity: &StudyIdentity| options().wish(ScanId::generate(), &key, identity);
        assert!(wish(&identity(Some("P-17"))).is_some());
        for nobody in [None, Some("*"), Some("P-1?")] {
            assert!(wish(&identity(nobody)).is_none(), "{nobody:?}");
        }
        let pseudonym = StudyIdentity {
            is_deidentified: true,
            ..identity(Some("P-17"))
        };
        assert!(wish(&pseudonym).is_none());
        let keys = options().keys(&PriorsOf {
            study_key: "",
            study_date: Some("20250301"),
            patient_id: "P-17",
            issuer_of_patient_id: None,
        });
        assert_eq!(
            (keys.from.as_deref(), keys.until.as_deref()),
            (Some("20240301"), Some("20250301"))
        );
    }
}
