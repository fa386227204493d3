use crate::{ElementHeader, Encoding};

/// Why a data set cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ElementError {
    #[error("the elements go on past the bytes given, but not past the end of the file")]
    NeedMore,
    #[error("a length of {claimed} bytes reaches past the {available} that hold the element")]
    Lying { claimed: u64, available: u64 },
    #[error("{0}")]
    Malformed(&'static str),
}

/// A place in a file of which the first bytes are there.
#[derive(Debug, Clone, Copy)]
pub struct ElementCursor<'data> {
    data: &'data [u8],
    /// Of the file, in bytes.
    total: usize,
    pub position: usize,
}

impl<'data> ElementCursor<'data> {
    /// At `position` of a file that is `total` bytes long, of which `data` is the first part.
    pub fn new(data: &'data [u8], position: usize, total: usize) -> Self {
        Self {
            data,
            total,
            position,
        }
    }

    pub fn data(&self) -> &'data [u8] {
        self.data
    }

    pub fn total(&self) -> usize {
        self.total
    }

    /// The header here, and goes behind it.
    ///
    /// # Errors
    /// Where it goes on past `end`, or past the bytes given.
    pub fn header(&mut self, encoding: Encoding, end: usize) -> Result<ElementHeader, ElementError> {
        ElementHeader::read(encoding, |bytes| self.fill(bytes, end))
    }

    /// Tag and length of the item or delimiter here, and goes behind them.
    ///
    /// # Errors
    /// As [`ElementCursor::header`].
    pub fn item_header(&mut self, encoding: Encoding, end: usize) -> Result<ElementHeader, ElementError> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes, end)?;
        Ok(ElementHeader::of_item(encoding, bytes))
    }

    /// The end of a value of `length` bytes from here.
    ///
    /// # Errors
    /// Where that is past `end`.
    pub fn end_of(&self, length: u32, end: usize) -> Result<usize, ElementError> {
        let available = end.saturating_sub(self.position);
        if length as usize > available {
            return Err(ElementError::Lying {
                claimed: u64::from(length),
                available: available as u64,
            });
        }
        Ok(self.position + length as usize)
    }

    /// The encoding inside of an element of unknown representation, at whose value this stands.
    ///
    /// PS3.5 section 6.2.2 note 2: a UN of undefined length is a sequence in implicit little endian. Some writers
    /// change nothing but the VR: then the first element in it has one.
    ///
    /// # Errors
    /// Where an open value goes on past the bytes given.
    pub fn encoding_in_unknown(&self, outer: Encoding, is_open: bool) -> Result<Encoding, ElementError> {
        let (start, end) = (self.position + 12, self.position + 14);
        match self.data.get(start..end) {
            Some(vr) if outer.explicit && vr.iter().all(u8::is_ascii_uppercase) => Ok(outer),
            None if is_open && end <= self.total => Err(ElementError::NeedMore),
            _ => Ok(Encoding::IMPLICIT_LITTLE),
        }
    }

    fn fill(&mut self, bytes: &mut [u8], end: usize) -> Result<(), ElementError> {
        let next = self.position + bytes.len();
        if next > end {
            return Err(ElementError::Lying {
                claimed: bytes.len() as u64,
                available: end.saturating_sub(self.position) as u64,
            });
        }
        let there = self.data.get(self.position..next).ok_or(ElementError::NeedMore)?;
        bytes.copy_from_slice(there);
        self.position = next;
        Ok(())
    }
}
