//! What the objects are made of, and which slices they show.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;
use norma_domain::{PreparedSummary, Report, Segmentation};

use crate::region::regions;
use crate::source::SourceStudy;
use crate::wording::Language;

/// Key slices drawn at most.
const MOST_SLICES: usize = 12;

/// What the objects are made of.
#[derive(Clone, Copy)]
pub struct ResultsInput<'a> {
    pub report: &'a Report,
    pub prepared: &'a PreparedSummary,
    /// The study of the files that were analysed.
    pub source: &'a SourceStudy,
    /// The slices of [`slices_to_show`], rows × columns in Hounsfield units, by their index along z in the volume. Those
    /// that are not given are not drawn.
    pub slices: &'a BTreeMap<usize, Array2<i16>>,
    /// What was segmented; None where an analysis has none.
    pub segmentation: Option<&'a Segmentation>,
    /// The anomaly stage's map of the slices that it read, by their index along z in the volume: rows × columns, from 0, nothing
    /// unusual or not looked at, to 255. None where there is none.
    pub anomaly_map: Option<&'a BTreeMap<usize, Array2<u8>>>,
    pub language: Language,
}

/// The slices that are drawn, in their order: of each region its own, then the report's key slices.
pub fn slices_to_show(report: &Report, prepared: &PreparedSummary) -> Vec<usize> {
    let count = prepared.study.geometry.shape[0];
    let mut seen = BTreeSet::new();
    regions(report, prepared)
        .iter()
        .map(|region| region.slice)
        .chain(report.key_slices.iter().map(|key| key.slice))
        .filter(|slice| *slice < count && seen.insert(*slice))
        .take(MOST_SLICES)
        .collect()
}
