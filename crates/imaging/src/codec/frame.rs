//! What every decoder is given and gives.

use crate::dicom_header::PixelFormat;
use crate::error::ImagingError;

/// Samples of a frame as they were stored, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Samples {
    /// The low `bits` of each are the value; what is above is not.
    pub(crate) values: Vec<u16>,
    pub(crate) bits: u32,
}

impl Samples {
    /// Whether a sample has bits above its own set that do not merely repeat its sign.
    pub(crate) fn use_other_bits(&self, is_signed: bool) -> bool {
        let bits = self.bits.clamp(1, 16);
        if bits == 16 {
            return false;
        }
        let (unused, upper) = (16 - bits, u16::MAX << bits);
        let extended = |raw: u16| ((raw << unused).cast_signed() >> unused).cast_unsigned();
        // By parts without a branch: nearly always there are none.
        self.values.chunks(4096).any(|part| {
            part.iter().fold(false, |found, raw| {
                found | ((raw & upper != 0) & !(is_signed & (*raw == extended(*raw))))
            })
        })
    }

    /// The stored value of a sample (PS3.5 section 8.1.1).
    #[inline]
    pub(crate) fn stored(&self, is_signed: bool) -> impl Fn(u16) -> i32 + use<> {
        let bits = self.bits.clamp(1, 16);
        let unused = 16 - bits;
        let mask = u16::MAX >> unused;
        move |raw| {
            if is_signed {
                i32::from((raw << unused).cast_signed() >> unused)
            } else {
                i32::from(raw & mask)
            }
        }
    }
}

/// The size that a codestream must have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameSize {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl FrameSize {
    pub(crate) fn of(format: &PixelFormat) -> Self {
        Self {
            rows: usize::from(format.rows),
            columns: usize::from(format.columns),
        }
    }

    /// Cannot overflow: both are below 2¹⁶.
    pub(crate) const fn pixels(self) -> usize {
        self.rows * self.columns
    }

    pub(super) fn expect(self, rows: usize, columns: usize) -> Result<(), ImagingError> {
        if (rows, columns) == (self.rows, self.columns) {
            return Ok(());
        }
        Err(ImagingError::UndecodablePixels(format!(
            "the codestream is {rows} × {columns}, the header says {} × {}",
            self.rows, self.columns
        )))
    }
}

pub(crate) fn undecodable(what: &'static str) -> impl Fn() -> ImagingError {
    move || ImagingError::UndecodablePixels(what.into())
}
