//! A share that changes and stays changed, told soon: the cumulative sum of what is or is not so.

/// The change that is looked for, as the factor of the odds (Steiner et al., Biostatistics 1, 2000, 441–452, equation 2.2): of one in ten it makes three, of a half four in
/// five. About three quarters of a standard deviation of what lies behind it (Chinn, Statistics in Medicine 19, 2000, 3127–3131).
pub const SHARE_ODDS_RATIO: f64 = 4.0;
/// Parts of a study in which the sums count, so that they take few values.
const PARTS: usize = 20;
/// The last studies that are summed; of longer windows those before count as the ones before.
const SUMMED_STUDIES: usize = 200;

/// Page's two sums over what is or is not so of the last studies, in studies more than are expected: upwards as the share grows, downwards as
/// it falls.
///
/// Each study adds 1 − k where it is so and takes k away where not, never below 0. The allowance k makes it the likelihood
/// ratio of the share as it is and with four times the odds (Reynolds and Stoumbos, Journal of Quality Technology 31, 1999, 87–108);
/// the share is that of all studies, before and last.
#[derive(Debug, Clone, PartialEq)]
pub struct ShareSums {
    /// After each of the last studies, the oldest first.
    pub upward: Vec<f64>,
    pub downward: Vec<f64>,
    ways: [OneWay; 2],
}

impl ShareSums {
    /// Of so many studies before, of which so many are so, and the last ones, the oldest first.
    pub fn of(before: usize, so_before: usize, last: &[bool]) -> Self {
        let (older, summed) = last.split_at(last.len().saturating_sub(SUMMED_STUDIES));
        let so = so_before + last.iter().filter(|is_so| **is_so).count();
        let all = before + older.len() + summed.len();
        let ways = [(so, true), (all - so, false)].map(|(so, counted)| OneWay::of(all, so, summed, counted));
        let [upward, downward] = [0, 1].map(|way: usize| ways[way].in_studies());
        Self {
            upward,
            downward,
            ways,
        }
    }

    /// The highest that either came to, in studies; 0 without studies.
    pub fn highest(&self) -> f64 {
        self.ways.iter().map(OneWay::highest).max().unwrap_or(0) as f64 / PARTS as f64
    }

    /// The chance that one of both comes as high as it did or higher where nothing changes (twice that of the less likely one): exact for each, given how
    /// many of all studies are so. Without a change every order of them is equally likely, whatever the share is, so the share needs
    /// not to be known: the conditioning of Fisher's exact test, for sums as of Worsley (Biometrika 70, 1983, 455–464).
    pub fn p_value(&self) -> f64 {
        let [upward, downward] = &self.ways;
        let chances = [upward, downward].map(|way| way.crossing_probability(way.highest()));
        (2.0 * chances[0].min(chances[1])).min(1.0)
    }

    /// What either sum reaches by chance with at most this probability, in studies: upwards and downwards. Both differ, as a rare thing can
    /// grow more frequent by more than it can grow rarer. None where no order of these studies reaches it.
    pub fn limits(&self, false_alarm: f64) -> [Option<f64>; 2] {
        [0, 1].map(|way: usize| {
            let level = self.ways[way].level(false_alarm / 2.0)?;
            Some(level as f64 / PARTS as f64)
        })
    }
}

/// One of the sums, in parts of a study.
#[derive(Debug, Clone, PartialEq)]
struct OneWay {
    /// Studies, before and last, and those that the sum counts.
    all: usize,
    counted: usize,
    allowance: usize,
    path: Vec<usize>,
}

impl OneWay {
    fn of(all: usize, counted: usize, last: &[bool], counts: bool) -> Self {
        let allowance = allowance(counted as f64 / all.max(1) as f64);
        let path = last.iter().scan(0_usize, |sum, is_so| {
            let added = if *is_so == counts { PARTS } else { 0 };
            *sum = (*sum + added).saturating_sub(allowance);
            Some(*sum)
        });
        Self {
            all,
            counted,
            allowance,
            path: path.collect(),
        }
    }

    fn in_studies(&self) -> Vec<f64> {
        self.path.iter().map(|sum| *sum as f64 / PARTS as f64).collect()
    }

    fn highest(&self) -> usize {
        self.path.iter().copied().max().unwrap_or(0)
    }

    /// The chance that the sum comes to `level` within its studies, over all orders of all studies.
    fn crossing_probability(&self, level: usize) -> f64 {
        if level == 0 {
            return 1.0;
        }
        let mut crossed = 0.0;
        // By how many of the counted were drawn, the chance of each sum below the level.
        let mut states = vec![vec![0.0; level]];
        states[0][0] = 1.0;
        for step in 0..self.path.len() {
            let drawable = states.len().min(self.counted);
            let mut next = vec![vec![0.0; level]; drawable + 1];
            for (drawn, sums) in states.iter().enumerate() {
                let left = (self.all - step) as f64;
                let is_counted = self.counted.saturating_sub(drawn) as f64 / left;
                for (sum, chance) in sums.iter().enumerate().filter(|(_, chance)| **chance > 0.0) {
                    if is_counted < 1.0 {
                        next[drawn][sum.saturating_sub(self.allowance)] += chance * (1.0 - is_counted);
                    }
                    if is_counted > 0.0 {
                        match next[drawn + 1].get_mut(sum + PARTS - self.allowance) {
                            Some(after) => *after += chance * is_counted,
                            None => crossed += chance * is_counted,
                        }
                    }
                }
            }
            states = next;
        }
        crossed.min(1.0)
    }

    /// The lowest level that is reached with at most this chance; None where the highest possible sum is likelier.
    fn level(&self, chance: f64) -> Option<usize> {
        let highest = self.counted.min(self.path.len()) * (PARTS - self.allowance);
        if highest == 0 || self.crossing_probability(highest) > chance {
            return None;
        }
        let (mut low, mut high) = (0, highest);
        while high - low > 1 {
            let middle = usize::midpoint(low, high);
            if self.crossing_probability(middle) > chance {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(high)
    }
}

/// ln(1 − p + R p) / ln R, in parts of a study; never nothing and never a whole one.
fn allowance(share: f64) -> usize {
    let odds = SHARE_ODDS_RATIO;
    let allowance = (1.0 - share + odds * share).ln() / odds.ln();
    ((allowance * PARTS as f64).round() as usize).clamp(1, PARTS - 1)
}
