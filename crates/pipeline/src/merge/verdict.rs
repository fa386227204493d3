use norma_domain::{Probability, Reason, Verdict};

/// The only place where norm is said: there is no doubt of any kind, and a calibrated probability lies below
/// the operating point's threshold. At the threshold and above it is pathology.
pub(super) fn verdict(
    doubts: &[Reason],
    probability: Option<Probability>,
    threshold: Probability,
) -> Verdict {
    match probability {
        Some(probability) if doubts.is_empty() => {
            if probability < threshold {
                Verdict::Norm
            } else {
                Verdict::Pathology
            }
        }
        Some(_) | None => Verdict::Undetermined,
    }
}

#[cfg(test)]
mod tests {
    use norma_domain::ReasonCode;

    use super::*;

    #[test]
    fn norm_needs_no_doubt_and_a_probability_below_the_threshold() {
        let at = |value: f64| Probability::new(value).unwrap();
        let doubt = [Reason::new(ReasonCode::SliceGap, "a slice is missing")];
        assert_eq!(verdict(&[], Some(at(0.49)), at(0.5)), Verdict::Norm);
        assert_eq!(verdict(&[], Some(at(0.5)), at(0.5)), Verdict::Pathology);
        assert_eq!(verdict(&[], None, at(0.5)), Verdict::Undetermined);
        for probability in [0.0, 0.49, 0.5, 1.0] {
            assert_eq!(
                verdict(&doubt, Some(at(probability)), at(0.5)),
                Verdict::Undetermined
            );
        }
    }
}
