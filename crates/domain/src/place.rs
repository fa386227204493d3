//! Where in the lungs something lies, in the words of a radiologist's report.

use serde::{Deserialize, Serialize};

/// The patient's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LungSide {
    Right,
    Left,
}

/// A third of the height of a lung, by slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LungThird {
    Lower,
    Middle,
    Upper,
}

impl LungThird {
    /// The third that `slice` lies in, of a lung that reaches from slice `extent[0]` (towards the feet) to
    /// `extent[1]`, both included; slices beyond an end belong to the third at that end.
    pub fn of_slice(slice: f64, extent: [usize; 2]) -> Self {
        let [first, last] = extent.map(|slice| slice as f64);
        let height = last - first + 1.0;
        let from_below = (slice + 0.5 - first) / height;
        if from_below < 1.0 / 3.0 {
            Self::Lower
        } else if from_below < 2.0 / 3.0 {
            Self::Middle
        } else {
            Self::Upper
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lung_of_nine_slices_has_three_of_each_third() {
        let thirds: Vec<LungThird> = (4..16)
            .map(|slice| LungThird::of_slice(f64::from(slice), [5, 13]))
            .collect();
        let (lower, middle, upper) = (LungThird::Lower, LungThird::Middle, LungThird::Upper);
        assert_eq!(
            thirds,
            [
                lower, lower, lower, lower, middle, middle, middle, upper, upper, upper, upper, upper
            ]
        );
    }
}
