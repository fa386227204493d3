//! The `window` parameter of slice pictures.

use std::str::FromStr;

use norma_domain::WindowLevel;
use serde::Deserialize;

use crate::pixels::schema::WindowPreset;

/// The named windows, in HU: centre and width.
pub(crate) const PRESETS: [(&str, f64, f64); 4] = [
    ("lung", WindowLevel::LUNG.center(), WindowLevel::LUNG.width()),
    (
        "mediastinum",
        WindowLevel::MEDIASTINUM.center(),
        WindowLevel::MEDIASTINUM.width(),
    ),
    ("bone", WindowLevel::BONE.center(), WindowLevel::BONE.width()),
    ("soft", 50.0, 350.0),
];

/// `lung`, `mediastinum`, `bone`, `soft`, or `center,width` in HU; lung by default.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct WindowChoice(pub WindowLevel);

impl Default for WindowChoice {
    fn default() -> Self {
        Self(WindowLevel::LUNG)
    }
}

impl FromStr for WindowChoice {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str =
            "window is lung, mediastinum, bone, soft, or center,width in HU with a width of at least 1";
        let (center, width) = match PRESETS.iter().find(|(name, _, _)| *name == text) {
            Some((_, center, width)) => (*center, *width),
            None => {
                let (center, width) = text.split_once(',').ok_or(EXPECTED)?;
                (
                    center.trim().parse().map_err(|_| EXPECTED)?,
                    width.trim().parse().map_err(|_| EXPECTED)?,
                )
            }
        };
        WindowLevel::new(center, width).map(Self).map_err(|_| EXPECTED)
    }
}

impl TryFrom<String> for WindowChoice {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// The named windows as the volume's description tells them.
pub(crate) fn window_presets() -> Vec<WindowPreset> {
    PRESETS
        .iter()
        .map(|(name, center, width)| WindowPreset {
            name: (*name).to_owned(),
            center: *center,
            width: *width,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!("lung".parse::<WindowChoice>().unwrap().0, WindowLevel::LUNG);
        assert_eq!("bone".parse::<WindowChoice>().unwrap().0, WindowLevel::BONE);
        assert_eq!(
            "-40.5, 80".parse::<WindowChoice>().unwrap().0,
            WindowLevel::new(-40.5, 80.0).unwrap()
        );
        for text in ["", "brain", "1", "0,0", "NaN,3", "1,2,3", "40,-400"] {
            assert!(text.parse::<WindowChoice>().is_err(), "{text}");
        }
    }
}
