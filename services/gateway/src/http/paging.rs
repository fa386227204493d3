//! Lists: `{items, total, limit, offset}`, `limit` 1..=100 and 20 by default.

use norma_database::{self as rows, Listing};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The most items that a list answers at once.
pub const MAX_LIMIT: u32 = 100;
/// The number of items where the caller does not say.
pub const DEFAULT_LIMIT: u32 = 20;

/// How many items at most: 1..=100, 20 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub(crate) struct Limit(u32);

impl Limit {
    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(DEFAULT_LIMIT)
    }
}

impl TryFrom<u32> for Limit {
    type Error = &'static str;

    fn try_from(limit: u32) -> Result<Self, Self::Error> {
        if (1..=MAX_LIMIT).contains(&limit) {
            Ok(Self(limit))
        } else {
            Err("limit is 1 to 100")
        }
    }
}

/// How many items to skip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct Offset(u32);

impl Offset {
    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u64> for Offset {
    type Error = &'static str;

    fn try_from(offset: u64) -> Result<Self, Self::Error> {
        match u32::try_from(offset) {
            Ok(offset) if offset <= i32::MAX as u32 => Ok(Self(offset)),
            _ => Err("offset is 0 to 2147483647"),
        }
    }
}

/// Which part of a list is asked for: the query parameters that every list takes.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 0, maximum = 2147483647, default = 0)]
    offset: Offset,
}

impl Paging {
    /// Which part the database is asked for.
    pub(crate) const fn part(self) -> rows::Page {
        rows::Page {
            limit: self.limit.get(),
            offset: self.offset.get(),
        }
    }

    /// A listing of the database as documents of the interface.
    pub(crate) fn page_of<T, Row: Into<T>>(self, listing: Listing<Row>) -> Page<T> {
        let items = listing.items.into_iter().map(Row::into).collect();
        self.page(items, listing.total)
    }

    /// Documents that the listing as a whole was needed for.
    pub(crate) fn page<T>(self, items: Vec<T>, total: u64) -> Page<T> {
        Page {
            items,
            total,
            limit: self.limit.get(),
            offset: self.offset.get(),
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: u64,
    pub limit: u32,
    pub offset: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold() {
        assert_eq!(Limit::default().get(), 20);
        for (limit, ok) in [(0, false), (1, true), (100, true), (101, false)] {
            assert_eq!(Limit::try_from(limit).is_ok(), ok, "{limit}");
        }
        assert!(Offset::try_from(1 << 40).is_err());
    }
}
