//! The marker segments of a codestream with one component (T.81 annex B).

use super::huffman::HuffmanTable;
use crate::codec::frame::undecodable;
use crate::error::ImagingError;

/// How the frame is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    /// Baseline or extended sequential DCT, Huffman coded.
    Sequential,
    /// Lossless, Huffman coded.
    Lossless,
    Other,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) process: Process,
    pub(super) precision: u32,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) components: usize,
    quantisation_table: usize,
}

/// Everything needed to decode the scan.
pub(super) struct Image<'data> {
    pub(super) frame: Frame,
    /// The DC table, or that of the differences.
    pub(super) first_table: Option<HuffmanTable>,
    pub(super) ac_table: Option<HuffmanTable>,
    /// In zigzag order.
    pub(super) quantisation: Option<[u16; 64]>,
    /// The predictor of a lossless scan.
    pub(super) selection: u8,
    pub(super) point_transform: u32,
    /// Units between restart markers; 0 for none.
    pub(super) restart_interval: usize,
    /// From the first entropy-coded byte to the end.
    pub(super) scan: &'data [u8],
}

/// Reads the segments up to the first scan.
pub(super) fn read_segments(bytes: &[u8]) -> Result<Image<'_>, ImagingError> {
    let damaged = undecodable("the JPEG header is damaged");
    let mut frame: Option<Frame> = None;
    let mut tables: [[Option<HuffmanTable>; 4]; 2] = Default::default();
    let mut quantisation = [None; 4];
    let mut restart_interval = 0;
    if !bytes.starts_with(&[0xFF, 0xD8]) {
        return Err(undecodable("the codestream is no JPEG")());
    }
    let mut position = 2;
    loop {
        // Fill bytes may stand before a marker.
        while bytes.get(position) == Some(&0xFF) && bytes.get(position + 1) == Some(&0xFF) {
            position += 1;
        }
        let (Some(0xFF), Some(&marker)) = (bytes.get(position), bytes.get(position + 1)) else {
            return Err(damaged());
        };
        let length = bytes
            .get(position + 2..position + 4)
            .map(|field| usize::from(u16::from_be_bytes([field[0], field[1]])))
            .filter(|length| *length >= 2)
            .ok_or_else(&damaged)?;
        let segment = bytes
            .get(position + 4..position + 2 + length)
            .ok_or_else(&damaged)?;
        position += 2 + length;
        match marker {
            0xC4 => read_huffman_tables(segment, &mut tables).ok_or_else(&damaged)?,
            0xC0..=0xCF if marker != 0xC8 && marker != 0xCC => {
                frame = Some(read_frame(marker, segment).ok_or_else(&damaged)?);
            }
            0xDB => read_quantisation(segment, &mut quantisation).ok_or_else(&damaged)?,
            0xDD => {
                let field = segment.first_chunk::<2>().ok_or_else(&damaged)?;
                restart_interval = usize::from(u16::from_be_bytes(*field));
            }
            0xDA => {
                let frame = frame.ok_or_else(&damaged)?;
                let &[components, _, selectors, selection, _, approximation, ..] = segment else {
                    return Err(damaged());
                };
                if components != 1 {
                    return Err(undecodable("the JPEG is coloured")());
                }
                let [first_tables, ac_tables] = &mut tables;
                return Ok(Image {
                    frame,
                    first_table: first_tables[usize::from(selectors >> 4 & 3)].take(),
                    ac_table: ac_tables[usize::from(selectors & 3)].take(),
                    quantisation: quantisation[frame.quantisation_table],
                    selection,
                    point_transform: u32::from(approximation & 15),
                    restart_interval,
                    scan: &bytes[position..],
                });
            }
            0xD9 => return Err(undecodable("the JPEG holds no scan")()),
            _ => {}
        }
    }
}

fn read_frame(marker: u8, segment: &[u8]) -> Option<Frame> {
    let &[
        precision,
        row_high,
        row_low,
        column_high,
        column_low,
        components,
        ..,
    ] = segment
    else {
        return None;
    };
    let quantisation_table = usize::from(*segment.get(8)? & 3);
    Some(Frame {
        process: match marker {
            0xC0 | 0xC1 => Process::Sequential,
            0xC3 => Process::Lossless,
            _ => Process::Other,
        },
        precision: u32::from(precision),
        rows: usize::from(u16::from_be_bytes([row_high, row_low])),
        columns: usize::from(u16::from_be_bytes([column_high, column_low])),
        components: usize::from(components),
        quantisation_table,
    })
}

fn read_huffman_tables(mut segment: &[u8], tables: &mut [[Option<HuffmanTable>; 4]; 2]) -> Option<()> {
    while let Some((selector, rest)) = segment.split_first() {
        let (counts, rest) = rest.split_first_chunk::<16>()?;
        let total = counts.iter().map(|count| usize::from(*count)).sum();
        let (symbols, rest) = rest.split_at_checked(total)?;
        let class = tables.get_mut(usize::from(selector >> 4))?;
        class[usize::from(selector & 3)] = Some(HuffmanTable::new(counts, symbols)?);
        segment = rest;
    }
    Some(())
}

fn read_quantisation(mut segment: &[u8], tables: &mut [Option<[u16; 64]>; 4]) -> Option<()> {
    while let Some((selector, rest)) = segment.split_first() {
        let mut table = [0u16; 64];
        let width = if selector >> 4 == 0 { 1 } else { 2 };
        let (entries, rest) = rest.split_at_checked(64 * width)?;
        for (value, entry) in table.iter_mut().zip(entries.chunks_exact(width)) {
            *value = entry.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte));
        }
        tables[usize::from(selector & 3)] = Some(table);
        segment = rest;
    }
    Some(())
}
