//! A shift that lasts, told soon: the cumulative sum.

use statrs::distribution::{Continuous, ContinuousCDF, Normal};

/// The shift that nobody minds, in standard deviations: half of the one that is looked for (Hawkins and Olwell, Cumulative Sum Charts
/// and Charting for Quality Improvement, 1998, section 3.1).
pub const CUSUM_ALLOWANCE: f64 = 0.5;
/// Of the Markov chain; with twice as many the chance of a crossing changes by less than one in a hundred.
const STATES: usize = 60;

/// From then on the share of what is left that crosses with each step is the same, but for less than this.
const STEADY: f64 = 1e-6;

/// The sums up to each value: upwards and downwards.
#[derive(Debug, Clone, PartialEq)]
pub struct CumulativeSums {
    pub upward: Vec<f64>,
    pub downward: Vec<f64>,
}

impl CumulativeSums {
    /// Page's two sums (Biometrika 41, 1954, 100–115) of values that are standard normal as long as nothing shifts:
    /// `max(0, sum + value − allowance)`, and the same of the values with the other sign.
    pub fn of(standard_normal: &[f64]) -> Self {
        let sums = |sign: f64| {
            let steps = standard_normal.iter();
            let path = steps.scan(0.0_f64, |sum, value| {
                *sum = (*sum + sign * value - CUSUM_ALLOWANCE).max(0.0);
                Some(*sum)
            });
            path.collect()
        };
        Self {
            upward: sums(1.0),
            downward: sums(-1.0),
        }
    }

    /// The highest that either came to; 0 without values.
    pub fn highest(&self) -> f64 {
        self.upward
            .iter()
            .chain(&self.downward)
            .copied()
            .fold(0.0, f64::max)
    }

    /// The chance that one of both comes so high or higher within so many values without a shift; never told too low (the chances of both
    /// directions are added).
    pub fn p_value(&self) -> f64 {
        match self.highest() {
            0.0 => 1.0,
            highest => (2.0 * crossing_probability(highest, self.upward.len(), 0.0)).min(1.0),
        }
    }
}

/// The normal scores of the sequential ranks of `later`, in the order in which they came: the rank of each among the reference and those of
/// `later` up to it.
///
/// While all are independent draws from one distribution, whatever it is, sequential ranks are independent and each is uniform
/// (Barndorff-Nielsen, Ann. Math. Stat. 34, 1963), so a cumulative sum of them needs neither a target nor a spread that would have
/// to be known or estimated (McDonald, Naval Research Logistics 37, 1990, 627–646). Each score is the mean of the standard normal
/// distribution over the share of ranks that the value takes: of equal values, over all their ranks. So its mean is 0 without a shift, and its
/// spread at most 1: with equal values the sum is cautious.
pub fn sequential_normal_scores(reference: &[f64], later: &[f64]) -> Vec<f64> {
    let normal = Normal::standard();
    let density = |share: f64| match share {
        share if share <= 0.0 || share >= 1.0 => 0.0,
        share => normal.pdf(normal.inverse_cdf(share)),
    };
    let mut sorted = reference.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    later
        .iter()
        .map(|value| {
            let below = sorted.partition_point(|known| known < value);
            let equal = sorted[below..].partition_point(|known| known <= value);
            sorted.insert(below, *value);
            let all = sorted.len() as f64;
            let (from, to) = (below as f64 / all, (below + equal + 1) as f64 / all);
            (density(from) - density(to)) / (to - from)
        })
        .collect()
}

/// The chance that one cumulative sum of independent normal values, of mean `shift` and variance 1, comes to `level` within so many steps,
/// from 0: by the Markov chain of Brook and Evans (Biometrika 59, 1972, 539–549).
pub fn crossing_probability(level: f64, steps: usize, shift: f64) -> f64 {
    if level <= 0.0 {
        return 1.0;
    }
    let normal = Normal::standard();
    let width = 2.0 * level / (2 * STATES - 1) as f64;
    // Of a step that is at most so many widths upwards, to the upper edge of the state there.
    let reaches = |widths: f64| normal.cdf((widths + 0.5) * width + CUSUM_ALLOWANCE - shift);
    let up_to: Vec<f64> = (0..2 * STATES)
        .map(|place| reaches(place as f64 - STATES as f64))
        .collect();
    // From state i to one at most `by` states above it.
    let at_most =
        |by: isize| up_to[usize::try_from(by + STATES as isize).expect("no step is larger than the chain")];
    let leaves: Vec<f64> = (0..STATES)
        .map(|from| normal.sf(((STATES - 1 - from) as f64 + 0.5) * width + CUSUM_ALLOWANCE - shift))
        .collect();
    let mut states = vec![0.0; STATES];
    states[0] = 1.0;
    let (mut crossed, mut hazard) = (0.0, 0.0);
    for step in 0..steps {
        let leaving: f64 = states.iter().zip(&leaves).map(|(here, leave)| here * leave).sum();
        let before = std::mem::replace(&mut hazard, leaving / (1.0 - crossed));
        crossed += leaving;
        if (hazard - before).abs() <= STEADY * hazard {
            let left = (steps - step - 1) as f64;
            crossed -= (1.0 - crossed) * (left * (-hazard).ln_1p()).exp_m1();
            break;
        }
        let next = (0..STATES as isize).map(|to| {
            let from = states.iter().zip(0_isize..);
            from.map(|(here, from)| {
                let below = if to == 0 { 0.0 } else { at_most(to - from - 1) };
                here * (at_most(to - from) - below)
            })
            .sum::<f64>()
        });
        states = next.collect();
    }
    crossed.min(1.0)
}

/// The level that either of both sums reaches within so many values by chance with this probability: above it is a shift. To a thousandth.
pub fn decision_interval(steps: usize, false_alarm: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 64.0_f64);
    while high - low > 1e-3 {
        let middle = f64::midpoint(low, high);
        if 2.0 * crossing_probability(middle, steps, 0.0) > false_alarm {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}
