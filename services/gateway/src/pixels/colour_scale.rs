//! The colours of maps: the same on the page, in pictures and in print.

use serde::Serialize;

/// Values below it stay clear, so that the picture under them is not tinted.
pub(crate) const CLEAR_BELOW: u8 = 26;
/// How quickly the opacity grows above: full at 62 % of what is left of the scale.
pub(crate) const OPACITY_GAIN: f32 = 1.6;

/// A scale of colours, linear between its points, low to high. All stay readable with the common colour-vision
/// deficiencies.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ColourScale {
    pub(crate) name: &'static str,
    /// Red, green, blue.
    pub(crate) points: [[u8; 3]; 5],
}

/// The scale of pictures and print, and the page's first.
pub(crate) const INFERNO: ColourScale = ColourScale {
    name: "inferno",
    points: [
        [22, 11, 57],
        [87, 16, 110],
        [188, 55, 84],
        [249, 142, 9],
        [252, 255, 164],
    ],
};

pub(crate) const COLOUR_SCALES: [ColourScale; 3] = [
    INFERNO,
    ColourScale {
        name: "viridis",
        points: [
            [68, 1, 84],
            [59, 82, 139],
            [33, 145, 140],
            [94, 201, 98],
            [253, 231, 37],
        ],
    },
    ColourScale {
        name: "hot",
        points: [
            [120, 0, 0],
            [225, 30, 0],
            [255, 140, 0],
            [255, 215, 60],
            [255, 255, 220],
        ],
    },
];

impl ColourScale {
    /// Red, green, blue and opacity of a map value.
    pub(crate) fn colour(&self, value: u8) -> [u8; 4] {
        let place = f32::from(value) / 255.0 * (self.points.len() - 1) as f32;
        let low = (place as usize).min(self.points.len() - 2);
        let fraction = place - low as f32;
        let channel = |index: usize| {
            let (from, to) = (
                f32::from(self.points[low][index]),
                f32::from(self.points[low + 1][index]),
            );
            (from + fraction * (to - from)).round() as u8
        };
        let visible = f32::from(value.saturating_sub(CLEAR_BELOW)) / f32::from(u8::MAX - CLEAR_BELOW);
        let opacity = (255.0 * (OPACITY_GAIN * visible).min(1.0)).round() as u8;
        [channel(0), channel(1), channel(2), opacity]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_values_stay_clear_and_strong_ones_cover() {
        // The same cases as in web/src/features/viewer/imaging/imaging.test.ts.
        for scale in COLOUR_SCALES {
            assert_eq!(scale.colour(CLEAR_BELOW)[3], 0, "{}", scale.name);
            assert_eq!(scale.colour(255)[3], 255, "{}", scale.name);
        }
        assert_eq!(INFERNO.colour(0), [22, 11, 57, 0]);
        assert_eq!(INFERNO.colour(100), [144, 38, 95, 132]);
        assert_eq!(INFERNO.colour(255), [252, 255, 164, 255]);
    }
}
