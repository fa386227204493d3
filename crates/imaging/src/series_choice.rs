//! Which of the candidate series is read as the chest.

/// Longer series show more than the chest, not more of it.
const CHEST_COVERAGE_MM: f64 = 300.0;
/// Series within this part of the best coverage count as equal.
const COVERAGE_SHARE: f64 = 0.9;
const THIN_MM: f64 = 5.0;
const THICKNESS_TOLERANCE_MM: f64 = 0.05;
/// What the rules look at, from the headers of a series.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    /// Labelled as another part of the body than the chest.
    pub(crate) is_other_body_part: bool,
    pub(crate) is_reformat: bool,
    /// Holds several volumes that nothing tells apart.
    pub(crate) is_mixed: bool,
    pub(crate) has_hounsfield: bool,
    /// From the first to the last slice, in millimetres.
    pub(crate) coverage_mm: f64,
    /// The larger of thickness and distance of the slices.
    pub(crate) thickness_mm: f64,
    pub(crate) kernel_sharpness: f64,
    pub(crate) slices: usize,
}

/// The chosen candidate, the rule that decided, and why each other one was left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    pub(crate) index: usize,
    pub(crate) reason: String,
    pub(crate) left_out: Vec<String>,
}

/// Chooses among axial CT series, by these rules in this order, each applied to what the one before it leaves:
/// not labelled as another body part; not a reformat; one image in each place; in Hounsfield units; most coverage (of a chest of 300 mm,
/// within 10 %); slices of at most 5 mm; thinnest slices; softest kernel; most slices; lowest UID.
///
/// None where there are no candidates.
pub(crate) fn choose_series(candidates: &[Candidate]) -> Option<Choice> {
    let coverage = |candidate: &Candidate| candidate.coverage_mm.min(CHEST_COVERAGE_MM);
    let mut round = Round {
        candidates,
        left: (0..candidates.len()).collect(),
        decided: None,
        left_out: Vec::new(),
    };
    round.keep(
        "not labelled as another body part",
        "another body part",
        |candidate| f64::from(u8::from(candidate.is_other_body_part)),
        0.0,
    );
    round.keep(
        "not a reformat",
        "reformat",
        |candidate| f64::from(u8::from(candidate.is_reformat)),
        0.0,
    );
    round.keep(
        "one image in each place",
        "several images in one place",
        |candidate| f64::from(u8::from(candidate.is_mixed)),
        0.0,
    );
    round.keep(
        "in Hounsfield units",
        "not in Hounsfield units",
        |candidate| f64::from(u8::from(!candidate.has_hounsfield)),
        0.0,
    );
    let most = round
        .left
        .iter()
        .map(|index| coverage(&candidates[*index]))
        .fold(0.0, f64::max);
    round.keep(
        "most coverage",
        "less coverage",
        |candidate| -coverage(candidate),
        most * (1.0 - COVERAGE_SHARE),
    );
    round.keep(
        "slices of at most 5 mm",
        "slices above 5 mm",
        |candidate| f64::from(u8::from(candidate.thickness_mm > THIN_MM)),
        0.0,
    );
    round.keep(
        "thinnest slices",
        "thicker slices",
        |candidate| candidate.thickness_mm,
        THICKNESS_TOLERANCE_MM,
    );
    round.keep(
        "softest kernel",
        "sharper kernel",
        |candidate| candidate.kernel_sharpness,
        0.0,
    );
    round.keep(
        "most slices",
        "fewer slices",
        |candidate| -(candidate.slices as f64),
        0.0,
    );
    let index = round
        .left
        .iter()
        .copied()
        .min_by_key(|index| &candidates[*index].name)?;
    for other in round.left.iter().filter(|other| **other != index) {
        round
            .left_out
            .push(format!("{} (equal, higher UID)", candidates[*other].name));
    }
    let chosen = &candidates[index];
    let what = format!(
        "{} slices over {:.0} mm, {:.2} mm thick",
        chosen.slices, chosen.coverage_mm, chosen.thickness_mm
    );
    let reason = match round.decided {
        _ if candidates.len() == 1 => format!("the only axial CT series: {what}"),
        Some(rule) => format!("axial CT, decided by the rule \"{rule}\": {what}"),
        None => format!("the first of equal axial CT series: {what}"),
    };
    Some(Choice {
        index,
        reason,
        left_out: round.left_out,
    })
}

struct Round<'all> {
    candidates: &'all [Candidate],
    left: Vec<usize>,
    /// The last rule that left anything out.
    decided: Option<&'static str>,
    left_out: Vec<String>,
}

impl Round<'_> {
    /// Keeps the candidates whose cost is within `tolerance` of the lowest.
    fn keep(&mut self, rule: &'static str, why_not: &str, cost: impl Fn(&Candidate) -> f64, tolerance: f64) {
        let lowest = self
            .left
            .iter()
            .map(|index| cost(&self.candidates[*index]))
            .fold(f64::INFINITY, f64::min);
        let (kept, dropped): (Vec<usize>, Vec<usize>) = self
            .left
            .iter()
            .partition(|index| cost(&self.candidates[**index]) <= lowest + tolerance);
        if !dropped.is_empty() {
            self.decided = Some(rule);
        }
        self.left_out.extend(
            dropped
                .iter()
                .map(|index| format!("{} ({why_not})", self.candidates[*index].name)),
        );
        self.left = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str) -> Candidate {
        Candidate {
            name: name.into(),
            is_other_body_part: false,
            is_reformat: false,
            is_mixed: false,
            has_hounsfield: true,
            coverage_mm: 310.0,
            thickness_mm: 2.0,
            kernel_sharpness: 40.0,
            slices: 155,
        }
    }

    fn chosen(candidates: &[Candidate]) -> (String, String) {
        let choice = choose_series(candidates).unwrap();
        assert_eq!(choice.left_out.len(), candidates.len() - 1);
        (candidates[choice.index].name.clone(), choice.reason)
    }

    #[test]
    fn each_rule_decides_in_its_turn() {
        let base = candidate("1");
        assert!(chosen(std::slice::from_ref(&base)).1.contains("the only"));
        let cases: [(&str, Candidate); 9] = [
            (
                "another body part",
                Candidate {
                    is_other_body_part: true,
                    thickness_mm: 0.5,
                    ..candidate("2")
                },
            ),
            (
                "reformat",
                Candidate {
                    is_reformat: true,
                    thickness_mm: 0.5,
                    ..candidate("2")
                },
            ),
            (
                "one image in each place",
                Candidate {
                    is_mixed: true,
                    thickness_mm: 0.5,
                    ..candidate("2")
                },
            ),
            (
                "Hounsfield",
                Candidate {
                    has_hounsfield: false,
                    thickness_mm: 0.5,
                    ..candidate("2")
                },
            ),
            (
                "most coverage",
                Candidate {
                    coverage_mm: 120.0,
                    thickness_mm: 0.5,
                    ..candidate("2")
                },
            ),
            (
                "at most 5 mm",
                Candidate {
                    thickness_mm: 7.0,
                    kernel_sharpness: 1.0,
                    ..candidate("2")
                },
            ),
            (
                "thinnest",
                Candidate {
                    thickness_mm: 5.0,
                    kernel_sharpness: 1.0,
                    ..candidate("2")
                },
            ),
            (
                "softest",
                Candidate {
                    kernel_sharpness: 70.0,
                    slices: 400,
                    ..candidate("2")
                },
            ),
            (
                "most slices",
                Candidate {
                    slices: 154,
                    ..candidate("2")
                },
            ),
        ];
        for (rule, other) in cases {
            let (name, reason) = chosen(&[other, base.clone()]);
            assert_eq!(name, "1", "{rule}");
            assert!(reason.contains(rule), "{rule}: {reason}");
        }
    }

    #[test]
    fn more_than_a_chest_is_no_better_than_a_chest() {
        let whole_body = Candidate {
            coverage_mm: 900.0,
            thickness_mm: 5.0,
            ..candidate("1")
        };
        let chest = Candidate {
            coverage_mm: 300.0,
            thickness_mm: 1.0,
            ..candidate("2")
        };
        assert_eq!(chosen(&[whole_body, chest]).0, "2");
    }

    #[test]
    fn equal_series_are_chosen_by_uid_whatever_their_order() {
        assert_eq!(chosen(&[candidate("2"), candidate("1")]).0, "1");
        assert_eq!(chosen(&[candidate("1"), candidate("2")]).0, "1");
        assert!(choose_series(&[]).is_none());
    }

    #[test]
    fn a_thick_series_is_taken_where_there_is_no_other() {
        let thick = Candidate {
            thickness_mm: 8.0,
            ..candidate("1")
        };
        assert_eq!(chosen(&[thick]).0, "1");
    }
}
