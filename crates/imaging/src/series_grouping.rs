//! Series of a study: images that belong on one grid, and why some are no candidates for a chest CT.

use std::collections::HashMap;

use norma_domain::SeriesInstanceUid;

use crate::codec::{check_pixel_format, is_supported};
use crate::derived_images::{Derived, derived};
use crate::dicom_header::InstanceHeader;
use crate::error::ImagingError;
use crate::multiframe::{FrameHeader, FrameReference};
use crate::series_joining::series_of_instances;
use crate::slice_order::{Plane, are_close, are_parallel, plane_axes, plane_of};
use crate::study::Instance;

const SPACING_TOLERANCE_MM: f64 = 0.005;
/// A series has a few orientations at most; a file made to have thousands gets no more groups than this.
const GROUPS_PER_SERIES: usize = 64;

/// Frames of one series with the same matrix, orientation and pixel spacing.
#[derive(Debug, Clone)]
pub(crate) struct SeriesGroup {
    pub(crate) series: Option<SeriesInstanceUid>,
    /// Series Instance UIDs that it was scattered over; 1 where it was not.
    pub(crate) scattered_over: usize,
    /// Whether these took its slices by turns.
    pub(crate) is_dealt_out: bool,
    pub(crate) frames: Vec<FrameReference>,
}

impl SeriesGroup {
    pub(crate) fn first<'study>(
        &self,
        instances: &'study [Instance],
    ) -> (&'study InstanceHeader, &'study FrameHeader) {
        let reference = self.frames[0];
        let header = &*instances[reference.instance].header;
        (header, &header.frames[reference.frame])
    }

    pub(crate) fn name(&self) -> String {
        self.series
            .as_ref()
            .map_or_else(|| "a series without UID".to_owned(), ToString::to_string)
    }
}

/// Why a series is no candidate. The order is how near it came: of several, the last one explains most.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Exclusion {
    NoImage,
    Modality(String),
    SecondaryCapture,
    DoseSheet,
    Localizer,
    Projection,
    Quantity,
    Colour,
    NoPosition,
    NoOrientation,
    NoPlane,
    NoFramePositions,
    NoPixelSpacing { has_imager_spacing: bool },
    NotAxial(Plane),
    Truncated { claimed: u64, available: u64 },
    PixelFormat(String),
    TransferSyntax(String),
}

impl Exclusion {
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::NoImage => "no image".into(),
            Self::Modality(modality) if modality.is_empty() => "no modality".into(),
            Self::Modality(modality) => format!("modality {modality}"),
            Self::SecondaryCapture => "secondary capture".into(),
            Self::DoseSheet => "dose sheet".into(),
            Self::Localizer => "localizer".into(),
            Self::Projection => "projection or rendering".into(),
            Self::Quantity => "difference, mask or map computed from scans".into(),
            Self::Colour => "colour".into(),
            Self::NoPosition => "no Image Position (Patient) (0020,0032)".into(),
            Self::NoOrientation => "no Image Orientation (Patient) (0020,0037)".into(),
            Self::NoPlane => "an Image Orientation (Patient) (0020,0037) that describes no plane".into(),
            Self::NoFramePositions => "several frames without a position of each".into(),
            Self::NoPixelSpacing { has_imager_spacing } => {
                let imager = if *has_imager_spacing {
                    "; Imager Pixel Spacing is a distance on the detector, not in the patient"
                } else {
                    ""
                };
                format!("no Pixel Spacing (0028,0030), so the size of a voxel is not known{imager}")
            }
            Self::NotAxial(plane) => plane.to_string(),
            Self::Truncated { .. } => "pixels cut short".into(),
            Self::PixelFormat(_) => "pixel format not read".into(),
            Self::TransferSyntax(uid) => format!("transfer syntax {uid} not read"),
        }
    }

    /// Whether such images, of a series of which others are read, are slices that are lost to it.
    pub(crate) const fn may_be_a_slice(&self) -> bool {
        matches!(
            self,
            Self::NoImage
                | Self::NoPosition
                | Self::NoOrientation
                | Self::NoPlane
                | Self::NoFramePositions
                | Self::NoPixelSpacing { .. }
                | Self::Truncated { .. }
                | Self::PixelFormat(_)
                | Self::TransferSyntax(_)
        )
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::NoImage => 0,
            Self::Modality(_) => 1,
            Self::SecondaryCapture => 2,
            Self::DoseSheet => 3,
            Self::Localizer => 4,
            Self::Projection => 5,
            Self::Quantity => 6,
            Self::Colour => 7,
            Self::NoPosition
            | Self::NoOrientation
            | Self::NoPlane
            | Self::NoFramePositions
            | Self::NoPixelSpacing { .. } => 8,
            Self::NotAxial(_) => 9,
            Self::Truncated { .. } => 10,
            Self::PixelFormat(_) => 11,
            Self::TransferSyntax(_) => 12,
        }
    }
}

/// The error of a study of which every series was left out.
pub(crate) fn nothing_left(exclusions: &[(String, Exclusion)]) -> ImagingError {
    let listed = || {
        let mut reasons: Vec<String> = exclusions.iter().map(|(_, why)| why.describe()).collect();
        reasons.sort();
        reasons.dedup();
        reasons.join(", ")
    };
    match exclusions.iter().map(|(_, why)| why).max_by_key(|why| why.rank()) {
        None | Some(Exclusion::NoImage) => ImagingError::NoImagesFound {
            files: exclusions.len(),
        },
        Some(Exclusion::Modality(_)) => ImagingError::NotCt(listed()),
        Some(Exclusion::NotAxial(_)) => ImagingError::NotAxial(listed()),
        Some(Exclusion::Truncated { claimed, available }) => ImagingError::LyingLength {
            what: "the pixel data",
            claimed: *claimed,
            available: *available,
        },
        Some(Exclusion::PixelFormat(what)) => ImagingError::UnsupportedPixelFormat(what.clone()),
        Some(Exclusion::TransferSyntax(uid)) => ImagingError::UnsupportedTransferSyntax { uid: uid.clone() },
        Some(_) => ImagingError::NoChestSeries(listed()),
    }
}

/// Groups the frames of a study by series, matrix, orientation, pixel spacing, kernel and stack.
pub(crate) fn group_series(instances: &[Instance]) -> Vec<SeriesGroup> {
    let mut by_series: HashMap<Option<&SeriesInstanceUid>, Vec<usize>> = HashMap::new();
    let mut groups: Vec<SeriesGroup> = Vec::new();
    let series_of = series_of_instances(instances);
    for (instance, source) in instances.iter().enumerate() {
        for frame in 0..source.header.frames.len() {
            let reference = FrameReference { instance, frame };
            let of_series = by_series.entry(series_of[instance].series).or_default();
            let fitting = of_series
                .iter()
                .copied()
                .find(|group| fits(instances, groups[*group].frames[0], reference));
            match fitting {
                Some(group) => groups[group].frames.push(reference),
                None if of_series.len() < GROUPS_PER_SERIES => {
                    of_series.push(groups.len());
                    groups.push(SeriesGroup {
                        series: series_of[instance].series.cloned(),
                        scattered_over: series_of[instance].scattered_over,
                        is_dealt_out: series_of[instance].is_dealt_out,
                        frames: vec![reference],
                    });
                }
                None => {}
            }
        }
    }
    groups
}

fn fits(instances: &[Instance], first: FrameReference, second: FrameReference) -> bool {
    let (a, b) = (
        &instances[first.instance].header,
        &instances[second.instance].header,
    );
    let (f, g) = (&a.frames[first.frame], &b.frames[second.frame]);
    let matrix = |header: &InstanceHeader| {
        header
            .format
            .as_ref()
            .map(|format| (format.rows, format.columns, format.samples_per_pixel))
    };
    matrix(a) == matrix(b)
        && a.modality == b.modality
        && a.pixels.is_some() == b.pixels.is_some()
        && a.kernel == b.kernel
        && is_localizer(a, f) == is_localizer(b, g)
        && f.stack == g.stack
        && are_parallel(f.orientation.as_ref(), g.orientation.as_ref())
        && are_close(
            f.pixel_spacing.as_ref(),
            g.pixel_spacing.as_ref(),
            SPACING_TOLERANCE_MM,
        )
}

/// Why a series cannot be the chest series, None where it can.
pub(crate) fn exclusion(group: &SeriesGroup, instances: &[Instance]) -> Option<Exclusion> {
    let (header, frame) = group.first(instances);
    let (Some(format), Some(_)) = (&header.format, &header.pixels) else {
        return Some(if header.modality == "CT" || header.modality.is_empty() {
            Exclusion::NoImage
        } else {
            Exclusion::Modality(header.modality.clone())
        });
    };
    if header.modality != "CT" {
        return Some(Exclusion::Modality(header.modality.clone()));
    }
    // Secondary capture image storage and its multi-frame kin (PS3.4 table B.5-1).
    if header.sop_class.starts_with("1.2.840.10008.5.1.4.1.1.7") {
        return Some(Exclusion::SecondaryCapture);
    }
    let says =
        |words: &[&str]| image_type(header, frame).any(|text| words.iter().any(|word| text.contains(word)));
    if says(&["DOSE", "SCREEN SAVE", "SCREENSAVE"]) {
        return Some(Exclusion::DoseSheet);
    }
    if is_localizer(header, frame) {
        return Some(Exclusion::Localizer);
    }
    match derived(image_type(header, frame)) {
        Some(Derived::Projection) => return Some(Exclusion::Projection),
        Some(Derived::Quantity) => return Some(Exclusion::Quantity),
        None if header.is_called_projection => return Some(Exclusion::Projection),
        None => {}
    }
    if format.samples_per_pixel != 1 || !format.is_monochrome {
        return Some(Exclusion::Colour);
    }
    // Several frames that only the first one's attributes describe.
    if header.number_of_frames > 1 && header.frames.len() == 1 {
        return Some(Exclusion::NoFramePositions);
    }
    let Some(orientation) = &frame.orientation else {
        return Some(Exclusion::NoOrientation);
    };
    if plane_axes(orientation).is_none() {
        return Some(Exclusion::NoPlane);
    }
    if frame.position.is_none() {
        return Some(Exclusion::NoPosition);
    }
    if frame.pixel_spacing.is_none() {
        return Some(Exclusion::NoPixelSpacing {
            has_imager_spacing: header.has_imager_spacing,
        });
    }
    match plane_of(orientation) {
        Plane::Axial => {}
        plane => return Some(Exclusion::NotAxial(plane)),
    }
    if !is_supported(&header.transfer_syntax) {
        return Some(Exclusion::TransferSyntax(header.transfer_syntax.clone()));
    }
    if let Err(what) = check_pixel_format(format, header) {
        return Some(Exclusion::PixelFormat(what));
    }
    let lies: Vec<_> = group
        .frames
        .iter()
        .map(|reference| truncation(&instances[reference.instance]))
        .collect();
    match lies.first() {
        Some(Some((claimed, available))) if lies.iter().all(Option::is_some) => Some(Exclusion::Truncated {
            claimed: *claimed,
            available: *available,
        }),
        _ => None,
    }
}

/// Claimed and available bytes where an instance's native pixels are longer than its file.
pub(crate) fn truncation(instance: &Instance) -> Option<(u64, u64)> {
    let header = &instance.header;
    let pixels = header.pixels?;
    if header.is_deflated() {
        return None; // the offsets are those of the inflated data set, held against it when it is read
    }
    let available = instance.blob.size().saturating_sub(pixels.offset);
    let claimed = match pixels.length {
        Some(length) => {
            let frames = header.format.as_ref()?.frame_bytes()?;
            length.max(frames.saturating_mul(header.number_of_frames))
        }
        // At the least an empty offset table and a delimiter.
        None => 16,
    };
    (claimed > available).then_some((claimed, available))
}

/// Whether the slices were computed from others in another plane or thickness.
pub(crate) fn is_reformat(header: &InstanceHeader, frame: &FrameHeader) -> bool {
    image_type(header, frame)
        .any(|text| text.contains("MPR") || text.contains("REFORMAT") || text.contains("AVERAGE"))
}

fn is_localizer(header: &InstanceHeader, frame: &FrameHeader) -> bool {
    image_type(header, frame).any(|text| {
        ["LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW", "SCANOGRAM"]
            .iter()
            .any(|word| text.contains(word))
    })
}

fn image_type<'study>(
    header: &'study InstanceHeader,
    frame: &'study FrameHeader,
) -> impl Iterator<Item = &'study str> + Clone {
    header
        .image_type
        .iter()
        .chain(&frame.frame_type)
        .map(String::as_str)
}
