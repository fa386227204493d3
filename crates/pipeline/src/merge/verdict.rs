use norma_domain::{Probability, Verdict};

use super::doubts::Doubts;

/// The only place where a verdict is said.
///
/// `probability` rests on sound scores alone; where a stage gave none it is a lower bound. On a volume that is not to
/// be trusted nothing is said. At the threshold and above it is pathology, whatever was not seen beside it. Norm
/// needs a study without any doubt, and a probability below the threshold.
pub(super) fn verdict(doubts: &Doubts, probability: Option<Probability>, threshold: Probability) -> Verdict {
    match probability {
        Some(_) if !doubts.forbidding.is_empty() => Verdict::Undetermined,
        Some(probability) if probability >= threshold => Verdict::Pathology,
        Some(_) if doubts.limiting.is_empty() => Verdict::Norm,
        Some(_) | None => Verdict::Undetermined,
    }
}

#[cfg(test)]
mod tests {
    use norma_domain::{Reason, ReasonCode};

    use super::*;

    fn at(value: f64) -> Probability {
        Probability::new(value).unwrap()
    }

    fn doubts(forbidding: bool, limiting: bool) -> Doubts {
        let reason = |is: bool, code| is.then(|| Reason::new(code, "a doubt")).into_iter().collect();
        Doubts {
            forbidding: reason(forbidding, ReasonCode::SpacingVaries),
            limiting: reason(limiting, ReasonCode::SliceGap),
        }
    }

    #[test]
    fn norm_needs_no_doubt_and_a_probability_below_the_threshold() {
        let sound = doubts(false, false);
        assert_eq!(verdict(&sound, Some(at(0.49)), at(0.5)), Verdict::Norm);
        assert_eq!(verdict(&sound, Some(at(0.5)), at(0.5)), Verdict::Pathology);
        assert_eq!(verdict(&sound, None, at(0.5)), Verdict::Undetermined);
    }

    #[test]
    fn what_limits_the_view_takes_norm_away_and_never_pathology() {
        let limited = doubts(false, true);
        assert_eq!(verdict(&limited, Some(at(0.49)), at(0.5)), Verdict::Undetermined);
        assert_eq!(verdict(&limited, Some(at(0.5)), at(0.5)), Verdict::Pathology);
        assert_eq!(verdict(&limited, None, at(0.5)), Verdict::Undetermined);
    }

    #[test]
    fn a_volume_that_is_not_to_be_trusted_has_no_verdict() {
        for limiting in [false, true] {
            for probability in [0.0, 0.49, 0.5, 1.0] {
                let verdict = verdict(&doubts(true, limiting), Some(at(probability)), at(0.5));
                assert_eq!(verdict, Verdict::Undetermined);
            }
        }
    }
}
