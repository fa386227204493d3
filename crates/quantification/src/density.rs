//! How much the lungs hold and how dense they are.

use ndarray::Array3;
use norma_domain::LungThird;

use crate::ball::erode;
use crate::grid::{GRID_MM, Grid};

/// The lungs' rim, where they are averaged with what lies around.
const RIM_VOXELS: f32 = 1.0;

/// Densities by side and third.
pub(crate) struct Densities {
    /// Of the lungs without their rim, `[right, left][lower, middle, upper]`.
    histograms: [[Histogram; 3]; 2],
}

/// What share of lungs without their rim has which density.
#[derive(Clone, Default)]
struct Histogram {
    /// One Hounsfield unit each from −1024 on.
    counts: Vec<u32>,
}

const LOWEST: i32 = -1024;
const BINS: usize = 1224;

impl Histogram {
    fn add(&mut self, value: i16) {
        if self.counts.is_empty() {
            self.counts = vec![0; BINS];
        }
        self.counts[(i32::from(value) - LOWEST).clamp(0, BINS as i32 - 1) as usize] += 1;
    }

    fn join<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        let mut joined = Self {
            counts: vec![0; BINS],
        };
        for part in parts {
            for (sum, count) in joined.counts.iter_mut().zip(&part.counts) {
                *sum += count;
            }
        }
        joined
    }

    fn total(&self) -> f64 {
        self.counts.iter().map(|&count| f64::from(count)).sum()
    }

    /// Share within `low..high` HU.
    fn share(&self, low: i32, high: i32) -> f64 {
        let bin = |value: i32| (value - LOWEST).clamp(0, BINS as i32) as usize;
        let within: f64 = self
            .counts
            .iter()
            .take(bin(high))
            .skip(bin(low))
            .map(|&count| f64::from(count))
            .sum();
        within / self.total().max(1.0)
    }

    /// Share below `high` HU once every value has got noise of a standard deviation added.
    fn share_with_noise(&self, high: i32, deviation_hu: f64) -> f64 {
        // Half steps: a value stands for its whole unit.
        let reach = (5.0 * deviation_hu).ceil() as i32;
        let density = |at: i32| (-0.5 * ((f64::from(at) + 0.5) / deviation_hu).powi(2)).exp();
        let total: f64 = (-reach..reach).map(density).sum();
        let mut below = vec![0.0; 2 * reach as usize + 1];
        for at in -reach..reach {
            let index = (at + reach) as usize;
            below[index + 1] = below[index] + density(at) / total;
        }
        let fallen: f64 = self
            .counts
            .iter()
            .enumerate()
            .map(|(bin, &count)| {
                let to_limit = (high - (bin as i32 + LOWEST)).clamp(-reach, reach);
                f64::from(count) * below[(to_limit + reach) as usize]
            })
            .sum();
        fallen / self.total().max(1.0)
    }

    fn mean(&self) -> f64 {
        let weighted = |(bin, &count): (usize, &u32)| (bin as f64 + f64::from(LOWEST)) * f64::from(count);
        self.counts.iter().enumerate().map(weighted).sum::<f64>() / self.total().max(1.0)
    }

    fn percentile(&self, share: f64) -> f64 {
        let mut below = 0.0;
        let wanted = share * self.total();
        let bin = self.counts.iter().position(|&count| {
            below += f64::from(count);
            below >= wanted
        });
        f64::from(bin.unwrap_or(0) as i32 + LOWEST)
    }
}

/// A density measure of all, each side and each third.
pub(crate) struct Densely {
    pub(crate) all: f64,
    pub(crate) by_side: [f64; 2],
    pub(crate) by_third: [f64; 3],
}

impl Densities {
    pub(crate) fn measure(grid: &Grid, lungs: &Array3<bool>) -> Self {
        let mut histograms: [[Histogram; 3]; 2] = Default::default();
        let extent = grid.lung_extent(0.0).unwrap_or([0, 0]);
        let extent = grid.lung_extent(GRID_MM * GRID_MM).unwrap_or(extent);
        let core = erode(lungs, RIM_VOXELS);
        for ((z, y, x), &inside) in core.indexed_iter() {
            let label = grid.lungs[[z, y, x]];
            if inside && label != 0 {
                let third = LungThird::of_slice(z as f64, extent) as usize;
                let side = usize::from(!Grid::is_right_label(label));
                histograms[side][third].add(grid.hounsfield[[z, y, x]]);
            }
        }
        Self { histograms }
    }

    fn of(&self, measure: impl Fn(&Histogram) -> f64) -> Densely {
        let all = Histogram::join(self.histograms.iter().flatten());
        Densely {
            all: measure(&all),
            by_side: [0, 1].map(|side| measure(&Histogram::join(self.histograms[side].iter()))),
            by_third: [0, 1, 2]
                .map(|third| measure(&Histogram::join(self.histograms.iter().map(|side| &side[third])))),
        }
    }

    /// Share of the lungs below a density.
    pub(crate) fn below(&self, hounsfield: i32) -> Densely {
        self.of(|histogram| histogram.share(LOWEST, hounsfield))
    }

    /// How much more of the lungs lies below a density with so much noise added.
    pub(crate) fn raised_by_noise(&self, hounsfield: i32, deviation_hu: f64) -> f64 {
        if deviation_hu < 1.0 {
            return 0.0;
        }
        let all = Histogram::join(self.histograms.iter().flatten());
        (all.share_with_noise(hounsfield, deviation_hu) - all.share(LOWEST, hounsfield)).max(0.0)
    }

    pub(crate) fn between(&self, low: i32, high: i32) -> Densely {
        self.of(|histogram| histogram.share(low, high))
    }

    pub(crate) fn mean(&self) -> Densely {
        self.of(Histogram::mean)
    }

    pub(crate) fn percentile15(&self) -> Densely {
        self.of(|histogram| histogram.percentile(0.15))
    }
}

/// The mediastinum's core: heart and great vessels.
pub(crate) struct BloodPool {
    /// Median density.
    pub(crate) median_hu: f64,
    /// Standard deviation of what differs over 4 mm within it: the noise that is left on the grid.
    pub(crate) noise_hu: f64,
}

/// The mediastinum's core over the middle of the lungs: heart, great vessels, and little else holds a ball of 16 mm there.
/// None where nothing does.
pub(crate) fn blood_pool(
    grid: &Grid,
    inside: &Array3<bool>,
    lungs: &Array3<bool>,
    center: [f64; 2],
) -> Option<BloodPool> {
    /// Noise of neighbours is alike.
    const APART_VOXELS: usize = 2;
    const HALF_WIDTH_MM: f64 = 60.0;
    const TISSUE_HU: [i16; 2] = [-30, 600];
    let [first, last] = grid.lung_extent(GRID_MM * GRID_MM)?;
    let part = |share: f64| first + (share * (last - first) as f64) as usize;
    let (low, high) = (part(0.4), part(0.65));
    let mut tissue = Array3::from_elem(inside.dim(), false);
    for ((z, y, x), tissue) in tissue.indexed_iter_mut() {
        let value = grid.hounsfield[[z, y, x]];
        // In front of the spine: the axis of the thorax lies before it.
        let is_before_spine = (y as f64 - center[0]) * grid.back < 10.0 / GRID_MM;
        *tissue = inside[[z, y, x]]
            && !lungs[[z, y, x]]
            && (x as f64 - center[1]).abs() * GRID_MM < HALF_WIDTH_MM
            && is_before_spine
            && (TISSUE_HU[0]..TISSUE_HU[1]).contains(&value);
    }
    let core = erode(&tissue, 3.5);
    let columns = core.dim().2;
    let mut values: Vec<i16> = Vec::new();
    let mut differences: Vec<i16> = Vec::new();
    for ((z, y, x), &inside) in core.indexed_iter() {
        if inside && (low..=high).contains(&z) {
            let value = grid.hounsfield[[z, y, x]];
            values.push(value);
            let other = x + APART_VOXELS;
            if other < columns && core[[z, y, other]] {
                differences.push((grid.hounsfield[[z, y, other]] - value).abs());
            }
        }
    }
    if values.len() < 200 {
        return None;
    }
    Some(BloodPool {
        median_hu: median(&mut values)?,
        noise_hu: spread_of(&mut differences)?,
    })
}

/// The standard deviation of what is normally distributed, by the sizes of the differences between pairs of it.
pub(crate) fn spread_of(differences: &mut [i16]) -> Option<f64> {
    /// Standard deviation of a normal distribution by the median of its absolute values.
    const OF_MEDIAN: f64 = 1.4826;
    Some(median(differences)? * OF_MEDIAN / std::f64::consts::SQRT_2)
}

fn median(values: &mut [i16]) -> Option<f64> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| f64::from(*values.select_nth_unstable(middle).1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_raises_low_attenuation_as_the_normal_distribution_says() {
        let mut histogram = Histogram::default();
        for _ in 0..1000 {
            histogram.add(-900);
        }
        // Of a single value, 50 HU above the limit: the normal distribution below −2.5, −1 and −0.5 deviations.
        for (deviation, expected) in [(20.0, 0.006_21), (50.0, 0.158_66), (100.0, 0.308_54)] {
            let share = histogram.share_with_noise(-950, deviation);
            assert!((share - expected).abs() < 1e-3, "{share} of {expected}");
        }
        assert_eq!(histogram.share_with_noise(-950, 5.0), 0.0);
        let densities = Densities {
            histograms: [
                [histogram.clone(), Histogram::default(), Histogram::default()],
                Default::default(),
            ],
        };
        assert_eq!(densities.raised_by_noise(-950, 0.0), 0.0);
        assert!((densities.raised_by_noise(-950, 50.0) - 0.158_66).abs() < 1e-3);
    }
}
