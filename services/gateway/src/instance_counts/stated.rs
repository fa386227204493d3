//! What the instances themselves say: (0020,1208) and (0020,1209).

use std::collections::BTreeMap;

use async_trait::async_trait;
use norma_service::ExpectedLevel;

use crate::instance_counts::counter::{Counted, Counter};
use crate::instance_counts::here::StudyHere;

pub(crate) struct Stated {
    pub(crate) level: ExpectedLevel,
}

#[async_trait]
impl Counter for Stated {
    async fn count(&self, here: &StudyHere) -> Counted {
        let mut of_study = None;
        let mut of_series: BTreeMap<&str, (usize, Option<u32>)> = BTreeMap::new();
        for stated in here.instances.values() {
            of_study = of_study.max(stated.of_study);
            if let Some(series) = stated.series_instance_uid.as_deref() {
                let (came, expected) = of_series.entry(series).or_default();
                *came += 1;
                *expected = (*expected).max(stated.of_series);
            }
        }
        let by_series = by_series(of_series.into_values());
        match (self.level, of_study) {
            (ExpectedLevel::Study, Some(expected)) => by_series.or_worse(Counted::Of {
                came: here.instances.len(),
                expected: usize::try_from(expected).unwrap_or(usize::MAX),
            }),
            _ => by_series,
        }
    }
}

/// Of series that say how many instances they have, with how many came.
pub(crate) fn by_series(series: impl Iterator<Item = (usize, Option<u32>)>) -> Counted {
    let (mut came, mut expected) = (0, 0);
    for (of_series, stated) in series {
        if let Some(stated) = stated {
            let stated = usize::try_from(stated).unwrap_or(usize::MAX);
            // One that has more than it says makes good for no other.
            came += of_series.min(stated);
            expected += stated;
        }
    }
    match expected {
        0 => Counted::Nothing,
        expected => Counted::Of { came, expected },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use norma_dicom_spool::{StatedInstance, StudyKey};
    use norma_domain::StudyInstanceUid;

    use super::*;

    /// Of each series: how many came, and what they say of the series and of the study.
    fn here(series: &[(&str, usize, Option<u32>, Option<u32>)]) -> StudyHere {
        let uid = StudyInstanceUid::new("1.2").unwrap();
        let instances = series.iter().flat_map(|(series, came, of_series, of_study)| {
            (0..*came).map(move |at| {
                let stated = StatedInstance {
                    sent_by: None,
                    series_instance_uid: Some((*series).to_owned()),
                    of_study: *of_study,
                    of_series: *of_series,
                };
                (format!("{series}.{at}"), stated)
            })
        });
        StudyHere {
            key: StudyKey::of(&uid),
            uid,
            instances: Arc::new(instances.collect()),
        }
    }

    #[tokio::test]
    async fn what_is_stated_is_held_against_what_came() {
        let count = async |level, series: &[_]| Stated { level }.count(&here(series)).await;
        let study = ExpectedLevel::Study;
        assert_eq!(count(study, &[("1", 3, None, None)]).await, Counted::Nothing);
        let whole = count(study, &[("1", 3, Some(3), Some(5)), ("2", 2, Some(2), Some(5))]).await;
        assert!(whole.is_whole(), "{whole:?}");
        let of = |came, expected| Counted::Of { came, expected };
        assert_eq!(count(study, &[("1", 3, Some(3), Some(5))]).await, of(3, 5));
        let series = ExpectedLevel::Series;
        assert_eq!(count(series, &[("1", 3, Some(3), Some(5))]).await, of(3, 3));
        // Too many of one series are none of the other.
        assert_eq!(
            count(series, &[("1", 4, Some(3), None), ("2", 1, Some(2), None)]).await,
            of(4, 5)
        );
    }
}
