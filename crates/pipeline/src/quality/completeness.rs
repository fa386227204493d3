use norma_domain::{CountedBy, InstanceCount, QualityCheck, QualityConsequence, ReasonCode};

const UNIT: &str = "instances";

/// Whether all of a study came, by who was to say how many instances it has. One that is not all here, or of which nobody says, is a
/// limit of the view.
pub fn check_instances(count: &InstanceCount) -> QualityCheck {
    let by = match count.counted_by {
        CountedBy::Stated => "the instances state",
        CountedBy::Source => "the archive has",
        CountedBy::Mpps => "the modality made",
    };
    let (code, message) = match count.expected {
        Some(expected) => (
            ReasonCode::StudyIncomplete,
            format!("{} instances came; {by} {expected}", count.came),
        ),
        None => (
            ReasonCode::StudyNotCounted,
            format!("{} instances came; how many {by} could not be learnt", count.came),
        ),
    };
    QualityCheck {
        code,
        passed: count.is_whole(),
        measured: Some(f64::from(count.came)),
        limit: count.expected.map(f64::from),
        unit: UNIT.to_owned(),
        consequence: QualityConsequence::LimitsView,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_and_what_is_not_known_limit_the_view() {
        let check = |came, expected| {
            check_instances(&InstanceCount {
                came,
                expected,
                counted_by: CountedBy::Mpps,
            })
        };
        let short = check(28, Some(30));
        assert_eq!(
            (short.code, short.passed, short.measured, short.limit),
            (ReasonCode::StudyIncomplete, false, Some(28.0), Some(30.0))
        );
        assert_eq!(short.message, "28 instances came; the modality made 30");
        assert_eq!(short.consequence, QualityConsequence::LimitsView);
        assert!(check(30, Some(30)).passed && check(31, Some(30)).passed);
        let unknown = check(30, None);
        assert_eq!(
            (unknown.code, unknown.passed),
            (ReasonCode::StudyNotCounted, false)
        );
        assert_eq!(unknown.consequence, QualityConsequence::LimitsView);
    }
}
