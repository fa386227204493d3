/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    pub limit: u32,
    pub offset: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: 20, offset: 0 }
    }
}

/// A part of a list and the length of the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<T> {
    pub items: Vec<T>,
    pub total: u64,
}

impl<T> Listing<T> {
    pub(crate) fn new(items: Vec<T>, total: i64) -> Self {
        Self {
            items,
            total: u64::try_from(total).unwrap_or_default(),
        }
    }
}
