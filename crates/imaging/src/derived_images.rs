//! Images that were computed from others and are no scan any more: projections, renderings, differences, maps of a quantity.
//!
//! Told by Image Type (0008,0008), Frame Type (0008,9007) and Volume Based Calculation Technique (0008,9207). Many workstations
//! say it in the Series Description (0008,103E) alone.

use crate::character_set::CharacterSet;
use crate::element_values::Values;

/// What was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Derived {
    /// The brightest or darkest of several slices, or a rendering.
    Projection,
    /// A difference, a spread, a mask, or a map of something that is no attenuation.
    Quantity,
}

/// Parts of a value that say a projection or a rendering.
const PROJECTIONS: [&str; 12] = [
    "PROJECTION IMAGE",
    "MIP",
    "MINIP",
    "MAXIP",
    "MAX_IP",
    "MIN_IP",
    "MAX IP",
    "MIN IP",
    "MAXIMUM",
    "MINIMUM",
    "RENDER",
    "VRT",
];
/// Values of the fourth value, Derived Pixel Contrast (PS3.3 C.8.16.1.4), that are no attenuation of a place.
const QUANTITIES: [&str; 6] = [
    "DIVISION",
    "MASKED",
    "MULTIPLICATION",
    "QUANTITY",
    "STD_DEVIATION",
    "SUBTRACTION",
];
/// Words of a description that say the same, without their digits (`MIP10`), and what Volume Based Calculation Technique
/// calls it.
const CALLED_PROJECTIONS: [(&str, &str); 7] = [
    ("MIP", "MAX_IP"),
    ("MIPS", "MAX_IP"),
    ("MAXIP", "MAX_IP"),
    ("МИП", "MAX_IP"),
    ("MINIP", "MIN_IP"),
    ("МИНИП", "MIN_IP"),
    ("VRT", "VOLUME_RENDER"),
];

/// What the values of Image Type and its kin say was computed; None of a scan, and of slices that are means of others.
pub(crate) fn derived<'text>(mut values: impl Iterator<Item = &'text str> + Clone) -> Option<Derived> {
    let is_projection = |text: &str| PROJECTIONS.iter().any(|part| text.contains(part));
    if values.clone().any(is_projection) {
        return Some(Derived::Projection);
    }
    values
        .any(|text| QUANTITIES.contains(&text))
        .then_some(Derived::Quantity)
}

/// Whether the description of a series calls it a projection.
pub(crate) fn is_called_projection(values: &Values<'_>) -> bool {
    let set = CharacterSet::of(&values.texts(0x0008_0005));
    values
        .bytes(0x0008_103E)
        .is_some_and(|bytes| called_projection(&set.decode(bytes)).is_some())
}

/// The projection or rendering that the description of a series calls it, as a value of Volume Based Calculation Technique
/// (0008,9207); None where it calls it none.
pub fn called_projection(description: &str) -> Option<&'static str> {
    let upper = description.to_uppercase();
    let words: Vec<&str> = upper
        .split(|character: char| !character.is_alphanumeric())
        .map(|word| word.trim_matches(|character: char| character.is_ascii_digit()))
        .filter(|word| !word.is_empty())
        .collect();
    let of_word = |word: &&str| CALLED_PROJECTIONS.iter().find(|(called, _)| called == word);
    if let Some((_, technique)) = words.iter().find_map(of_word) {
        return Some(technique);
    }
    words.windows(2).find_map(|pair| match pair {
        ["MAX" | "MAXIMUM", "IP" | "INTENSITY"] => Some("MAX_IP"),
        ["MIN" | "MINIMUM", "IP" | "INTENSITY"] => Some("MIN_IP"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_an_image_says_what_was_computed() {
        let of = |values: &str| derived(values.split('\\'));
        for scan in [
            "ORIGINAL\\PRIMARY\\AXIAL",
            "DERIVED\\SECONDARY\\AXIAL\\CT_SOM5 SPI",
            "DERIVED\\PRIMARY\\VOLUME\\NONE",
            "DERIVED\\PRIMARY\\VOLUME\\RESAMPLED",
            "DERIVED\\PRIMARY\\VOLUME\\ENERGY_PROP_WT",
            "DERIVED\\SECONDARY\\AXIAL\\AVERAGE",
            "",
        ] {
            assert_eq!(of(scan), None, "{scan}");
        }
        for projection in [
            "DERIVED\\SECONDARY\\AXIAL\\CT_SOM5 MIP",
            "DERIVED\\SECONDARY\\REFORMATTED\\MIN IP",
            "DERIVED\\PRIMARY\\VOLUME\\MAXIMUM",
            "ORIGINAL\\PRIMARY\\AXIAL\\MAX_IP",
            "DERIVED\\SECONDARY\\VOLUME_RENDER",
        ] {
            assert_eq!(of(projection), Some(Derived::Projection), "{projection}");
        }
        for quantity in [
            "DERIVED\\PRIMARY\\AXIAL\\SUBTRACTION",
            "DERIVED\\PRIMARY\\VOLUME\\STD_DEVIATION",
            "DERIVED\\PRIMARY\\VOLUME\\QUANTITY",
        ] {
            assert_eq!(of(quantity), Some(Derived::Quantity), "{quantity}");
        }
    }

    #[test]
    fn a_description_calls_a_projection_by_its_word() {
        for (projection, technique) in [
            ("Thorax MIP 10/2", "MAX_IP"),
            ("MIP10", "MAX_IP"),
            ("Lung MinIP ax", "MIN_IP"),
            ("AX_MIP_8x2", "MAX_IP"),
            ("Max. Intensity", "MAX_IP"),
            ("min ip", "MIN_IP"),
            ("ОГК МИП 10 мм", "MAX_IP"),
            ("Bronchi VRT", "VOLUME_RENDER"),
        ] {
            assert_eq!(called_projection(projection), Some(technique), "{projection}");
        }
        for scan in [
            "Thorax 1.0 B60f",
            "Empirical chest",
            "mipmap",
            "Shrimp protocol",
            "5.0 B30f",
            "Lung maximum inspiration",
            "min dose",
            "",
        ] {
            assert_eq!(called_projection(scan), None, "{scan}");
        }
    }
}
