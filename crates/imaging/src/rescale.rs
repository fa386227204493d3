//! Stored values to Hounsfield units (PS3.3 C.11.1.1.2: HU = slope · stored + intercept).

use crate::codec::Samples;
use crate::dicom_header::PixelFormat;
use crate::multiframe::Rescale;

/// Air, and everything outside the field of view. Less is no measurement: scanners write −2000 and −3024 there.
pub(crate) const AIR: i16 = -1024;
/// Padding of a higher value lies inside the body, where it would be a measurement: it is left alone.
const PADDING_BELOW_HOUNSFIELD: f64 = -500.0;

/// Writes the Hounsfield units of `samples` to `out`, which is as long.
///
/// Padding (0028,0120) becomes air where it stands in a corner of the image or is below −500 HU: some writers
/// name a padding value that tissue has too. `rescale` None leaves the stored values as they are. The polarity
/// of MONOCHROME1 is one of display and does not change Hounsfield units; without a rescale it is undone.
pub(crate) fn to_hounsfield(
    samples: &Samples,
    format: &PixelFormat,
    rescale: Option<Rescale>,
    out: &mut [i16],
) {
    let stored = samples.stored(format.is_signed);
    let top = (1i32 << samples.bits.clamp(1, 16)) - 1;
    let inverted = format.is_inverted && rescale.is_none() && !format.is_signed;
    let rescale = rescale.unwrap_or(Rescale {
        slope: 1.0,
        intercept: 0.0,
        is_hounsfield: false,
    });
    let whole = |number: f64| number.fract() == 0.0 && number.abs() < 65_536.0;
    if whole(rescale.slope) && whole(rescale.intercept) && !inverted {
        let (slope, intercept) = (rescale.slope as i32, rescale.intercept as i32);
        for (hounsfield, raw) in out.iter_mut().zip(&samples.values) {
            let value = stored(*raw).wrapping_mul(slope).wrapping_add(intercept);
            *hounsfield = value.clamp(i32::from(AIR), i32::from(i16::MAX)) as i16;
        }
    } else {
        for (hounsfield, raw) in out.iter_mut().zip(&samples.values) {
            let stored = stored(*raw);
            let stored = if inverted { top - stored } else { stored };
            let value = f64::from(stored) * rescale.slope + rescale.intercept;
            *hounsfield = value.round().clamp(f64::from(AIR), f64::from(i16::MAX)) as i16;
        }
    }
    if let Some((first, last)) = format.padding {
        let is_padding = |raw: u16| (first..=last).contains(&stored(raw));
        let highest = f64::from(last) * rescale.slope + rescale.intercept;
        if highest <= PADDING_BELOW_HOUNSFIELD || corners(&samples.values, format).into_iter().any(is_padding)
        {
            for (hounsfield, raw) in out.iter_mut().zip(&samples.values) {
                if is_padding(*raw) {
                    *hounsfield = AIR;
                }
            }
        }
    }
}

fn corners(values: &[u16], format: &PixelFormat) -> [u16; 4] {
    let columns = usize::from(format.columns);
    let last = values.len().saturating_sub(1);
    [
        0,
        columns.saturating_sub(1),
        (last + 1).saturating_sub(columns),
        last,
    ]
    .map(|index| values.get(index).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(is_signed: bool, padding: Option<(i32, i32)>) -> PixelFormat {
        PixelFormat {
            rows: 3,
            columns: 3,
            samples_per_pixel: 1,
            bits_allocated: 16,
            bits_stored: 12,
            high_bit: 11,
            is_signed,
            is_monochrome: true,
            is_inverted: false,
            padding,
        }
    }

    fn hounsfield(values: [u16; 9], format: &PixelFormat, rescale: Option<(f64, f64)>) -> [i16; 9] {
        let mut out = [0; 9];
        let samples = Samples {
            values: values.to_vec(),
            bits: u32::from(format.bits_stored),
        };
        let rescale = rescale.map(|(slope, intercept)| Rescale {
            slope,
            intercept,
            is_hounsfield: true,
        });
        to_hounsfield(&samples, format, rescale, &mut out);
        out
    }

    #[test]
    fn slope_and_intercept_are_applied_and_clamped() {
        let values = [0, 24, 1024, 1064, 4095, 0xF000, 1, 2, 3];
        let got = hounsfield(values, &format(false, None), Some((1.0, -1024.0)));
        assert_eq!(got, [-1024, -1000, 0, 40, 3071, -1024, -1023, -1022, -1021]);
        let half = hounsfield(values, &format(false, None), Some((0.5, -1000.0)));
        assert_eq!(half[..4], [-1000, -988, -488, -468]);
        let far = hounsfield(values, &format(false, None), Some((1000.0, -3024.0)));
        assert_eq!((far[0], far[4]), (AIR, i16::MAX));
    }

    #[test]
    fn signed_values_are_extended_from_the_bits_stored() {
        let values = [0x0FFF, 0x0800, 0x07FF, 1, 0, 0, 0, 0, 0];
        let got = hounsfield(values, &format(true, None), Some((1.0, 0.0)));
        assert_eq!(got[..4], [-1, AIR, 2047, 1]);
    }

    #[test]
    fn padding_is_air_only_where_it_is_outside_the_body() {
        let at_the_corner = [0, 5, 5, 5, 0, 5, 5, 5, 5];
        let got = hounsfield(at_the_corner, &format(false, Some((0, 0))), Some((1.0, 0.0)));
        assert_eq!(got, [AIR, 5, 5, 5, AIR, 5, 5, 5, 5]);
        let inside = [5, 5, 5, 5, 0, 5, 5, 5, 5];
        let got = hounsfield(inside, &format(false, Some((0, 0))), Some((1.0, 0.0)));
        assert_eq!(got[4], 0);
        let low = hounsfield(inside, &format(false, Some((0, 0))), Some((1.0, -1000.0)));
        assert_eq!(low[4], AIR);
    }

    #[test]
    fn inverted_grey_is_turned_only_without_hounsfield_units() {
        let inverted = PixelFormat {
            is_inverted: true,
            ..format(false, None)
        };
        let values = [0, 4095, 100, 0, 0, 0, 0, 0, 0];
        assert_eq!(hounsfield(values, &inverted, None)[..3], [4095, 0, 3995]);
        assert_eq!(hounsfield(values, &inverted, Some((1.0, -1024.0)))[1], 3071);
    }
}
