//! What of a scan decides how scores are distributed: the scanner and how it was used.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::StudySummary;

/// A scanner as it was used. Thresholds that were measured on one profile say nothing certain of another. Holds nothing of the
/// patient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScannerProfile {
    /// Manufacturer (0008,0070) in lower case, by the first word: `siemens`, `ge`, `philips`.
    pub manufacturer: String,
    /// Manufacturer's Model Name (0008,1090) in lower case.
    pub model: String,
    /// Convolution Kernel (0018,1210) in upper case, without the strength of an iterative reconstruction and the letters
    /// behind the number, which tell the resolution of the data: `B30` of `B30f`, `BR40` of `Br40d\3`, `LUNG`.
    pub kernel_family: String,
    pub slice_thickness: SliceThicknessClass,
    /// Whether a contrast agent was given.
    pub contrast_agent: bool,
}

/// Slice Thickness (0018,0050) in classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SliceThicknessClass {
    /// At most 1.5 mm.
    Thin,
    /// More than 1.5 and at most 3 mm.
    Medium,
    /// More than 3 mm.
    Thick,
}

impl SliceThicknessClass {
    pub const ALL: [Self; 3] = [Self::Thin, Self::Medium, Self::Thick];

    /// None for what is no thickness.
    pub fn of_mm(thickness_mm: f64) -> Option<Self> {
        match thickness_mm {
            thickness if !thickness.is_finite() || thickness <= 0.0 => None,
            thickness if thickness <= 1.5 => Some(Self::Thin),
            thickness if thickness <= 3.0 => Some(Self::Medium),
            _ => Some(Self::Thick),
        }
    }

    /// As the text of a profile names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Thin => "up to 1.5 mm",
            Self::Medium => "1.5 to 3 mm",
            Self::Thick => "over 3 mm",
        }
    }
}

impl ScannerProfile {
    /// None where manufacturer, model, kernel or thickness is not known, as of NIfTI: such a scan is like no other one.
    pub fn of_study(study: &StudySummary) -> Option<Self> {
        Self::new(
            study.manufacturer.as_deref()?,
            study.scanner_model.as_deref()?,
            study.convolution_kernel.as_deref()?,
            study.slice_thickness_mm?,
            study.contrast_agent,
        )
    }

    /// From the attributes as they stand in the files; None where one of them says nothing.
    pub fn new(
        manufacturer: &str,
        model: &str,
        kernel: &str,
        thickness_mm: f64,
        contrast_agent: bool,
    ) -> Option<Self> {
        let said = |text: String| (!text.is_empty()).then_some(text);
        Some(Self {
            manufacturer: said(first_word(manufacturer))?,
            model: said(in_one_form(model))?,
            kernel_family: said(kernel_family(kernel))?,
            slice_thickness: SliceThicknessClass::of_mm(thickness_mm)?,
            contrast_agent,
        })
    }
}

/// `siemens`, with and without `Healthineers`; `ge` of `GE MEDICAL SYSTEMS`.
fn first_word(text: &str) -> String {
    let words = in_one_form(text);
    let end = words.find(|letter: char| !letter.is_alphanumeric());
    words[..end.unwrap_or(words.len())].to_owned()
}

fn in_one_form(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

fn kernel_family(kernel: &str) -> String {
    let name = kernel.split('\\').next().unwrap_or_default();
    let name = in_one_form(name).to_uppercase();
    let without_letters = name.trim_end_matches(|letter: char| letter.is_ascii_uppercase());
    // Two letters at most stand behind the number; a word behind a number is part of the name.
    if without_letters.ends_with(|letter: char| letter.is_ascii_digit())
        && name.len() - without_letters.len() <= 2
    {
        without_letters.to_owned()
    } else {
        name
    }
}

impl fmt::Display for ScannerProfile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            manufacturer,
            model,
            kernel_family,
            slice_thickness,
            contrast_agent,
        } = self;
        let contrast = if *contrast_agent {
            "contrast"
        } else {
            "no contrast"
        };
        let thickness = slice_thickness.as_str();
        write!(
            formatter,
            "{manufacturer} {model}, {kernel_family}, {thickness}, {contrast}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(manufacturer: &str, model: &str, kernel: &str) -> Option<ScannerProfile> {
        ScannerProfile::new(manufacturer, model, kernel, 1.0, false)
    }

    #[test]
    fn one_scanner_has_one_profile_however_it_is_written() {
        let written = profile("SIEMENS", "SOMATOM  Definition AS ", "B30f");
        assert_eq!(
            written,
            profile("Siemens Healthineers", "Somatom Definition AS", "B30s")
        );
        assert_eq!(
            written.unwrap().to_string(),
            "siemens somatom definition as, B30, up to 1.5 mm, no contrast"
        );
        let family = |kernel| profile("a", "b", kernel).unwrap().kernel_family;
        assert_eq!(family("Br40d\\3"), "BR40");
        assert_eq!(family("LUNG"), "LUNG");
        assert_eq!(family("FC08"), "FC08");
        assert_eq!(family("YA"), "YA");
        assert_eq!(family("64 SHARP"), "64 SHARP");
    }

    #[test]
    fn what_changes_the_picture_makes_another_profile() {
        let of = |kernel, thickness, contrast| {
            ScannerProfile::new("GE", "Revolution", kernel, thickness, contrast)
        };
        let one = of("STANDARD", 1.25, false);
        for other in [
            of("LUNG", 1.25, false),
            of("STANDARD", 2.5, false),
            of("STANDARD", 1.25, true),
        ] {
            assert!(other.is_some());
            assert_ne!(one, other);
        }
        assert_eq!(one, of("STANDARD", 0.625, false));
    }

    #[test]
    fn what_is_not_known_is_no_profile() {
        assert_eq!(profile("", "b", "c"), None);
        assert_eq!(profile("a", " ", "c"), None);
        assert_eq!(profile("a", "b", "\\3"), None);
        for thickness in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(ScannerProfile::new("a", "b", "c", thickness, false), None);
        }
    }
}
