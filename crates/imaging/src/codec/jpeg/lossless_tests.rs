//! Lossless JPEG of all predictors, written here and compared with the source and with `jpeg-decoder`.

use super::super::FrameSize;
use super::decode;

/// What an encoder may choose.
struct Options {
    precision: u32,
    selection: u8,
    point_transform: u32,
    /// Rows between restart markers, 0 for none.
    restart_rows: usize,
}

/// Writes a codestream whose 17 categories have codes of five bits each.
fn encode(samples: &[u16], rows: usize, columns: usize, options: &Options) -> Vec<u8> {
    let mut out = vec![0xFF, 0xD8, 0xFF, 0xC4, 0, 2 + 17 + 17, 0];
    let mut counts = [0u8; 16];
    counts[4] = 17;
    out.extend_from_slice(&counts);
    out.extend(0..=16u8);
    let size = |value: usize| u16::try_from(value).unwrap().to_be_bytes();
    out.extend_from_slice(&[0xFF, 0xC3, 0, 11, options.precision as u8]);
    out.extend_from_slice(&size(rows));
    out.extend_from_slice(&size(columns));
    out.extend_from_slice(&[1, 1, 0x11, 0]);
    if options.restart_rows > 0 {
        out.extend_from_slice(&[0xFF, 0xDD, 0, 4]);
        out.extend_from_slice(&size(options.restart_rows * columns));
    }
    out.extend_from_slice(&[
        0xFF,
        0xDA,
        0,
        8,
        1,
        1,
        0,
        options.selection,
        0,
        options.point_transform as u8,
    ]);
    let shifted: Vec<u16> = samples
        .iter()
        .map(|sample| sample >> options.point_transform)
        .collect();
    let rows_per_interval = if options.restart_rows == 0 {
        rows
    } else {
        options.restart_rows
    };
    let intervals: Vec<&[u16]> = shifted.chunks(rows_per_interval * columns).collect();
    for (number, interval) in intervals.iter().enumerate() {
        let mut bits: Vec<u8> = Vec::new();
        let start = 1i32 << (options.precision - options.point_transform - 1);
        for index in 0..interval.len() {
            let (row, column) = (index / columns, index % columns);
            let at = |index: usize| i32::from(interval[index]);
            let prediction = match (row, column) {
                (0, 0) => start,
                (0, _) => at(index - 1),
                (_, 0) => at(index - columns),
                _ => {
                    let (a, b, c) = (at(index - 1), at(index - columns), at(index - columns - 1));
                    match options.selection {
                        1 => a,
                        2 => b,
                        3 => c,
                        4 => a + b - c,
                        5 => a + ((b - c) >> 1),
                        6 => b + ((a - c) >> 1),
                        _ => (a + b) >> 1,
                    }
                }
            };
            let difference = i32::from((at(index) - prediction) as i16);
            let category = 32 - difference.unsigned_abs().leading_zeros();
            push(&mut bits, category, 5);
            if category < 16 {
                let extra = if difference < 0 {
                    difference - 1
                } else {
                    difference
                };
                push(&mut bits, extra as u32, category);
            }
        }
        bits.resize(bits.len().next_multiple_of(8), 1);
        for byte in bits.chunks(8) {
            let byte = byte.iter().fold(0u8, |sum, bit| sum << 1 | bit);
            out.push(byte);
            if byte == 0xFF {
                out.push(0);
            }
        }
        if number + 1 < intervals.len() {
            out.extend_from_slice(&[0xFF, 0xD0 + (number % 8) as u8]);
        }
    }
    out.extend_from_slice(&[0xFF, 0xD9]);
    out
}

fn push(bits: &mut Vec<u8>, value: u32, count: u32) {
    bits.extend((0..count).rev().map(|bit| (value >> bit & 1) as u8));
}

fn picture(rows: usize, columns: usize, precision: u32) -> Vec<u16> {
    let mut state = 12_345u32;
    (0..rows * columns)
        .map(|index| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Smooth with some noise, and rarely anything at all.
            let smooth = (index % columns * 40 + index / columns * 17) as u32 + (state >> 28);
            let value = if state >> 8 & 0xFF == 0 {
                state >> 16
            } else {
                smooth
            };
            (value & ((1 << precision) - 1)) as u16
        })
        .collect()
}

#[test]
fn every_predictor_precision_and_restart_comes_back() {
    let (rows, columns) = (21, 34);
    for selection in 1..=7 {
        for precision in [2, 8, 12, 16] {
            for restart_rows in [0, 1, 5] {
                let options = Options {
                    precision,
                    selection,
                    point_transform: 0,
                    restart_rows,
                };
                let source = picture(rows, columns, precision);
                let encoded = encode(&source, rows, columns, &options);
                let got = decode(&encoded, FrameSize { rows, columns }).unwrap();
                assert_eq!(got.values, source, "{selection} {precision} {restart_rows}");
            }
        }
    }
}

#[test]
fn the_kept_library_reads_the_same() {
    let (rows, columns) = (40, 30);
    for selection in 1..=7 {
        let options = Options {
            precision: 16,
            selection,
            point_transform: 0,
            restart_rows: 0,
        };
        let encoded = encode(&picture(rows, columns, 16), rows, columns, &options);
        let ours = decode(&encoded, FrameSize { rows, columns }).unwrap().values;
        let theirs = jpeg_decoder::Decoder::new(&encoded[..]).decode().unwrap();
        let theirs: Vec<u16> = theirs
            .chunks_exact(2)
            .map(|pair| u16::from_ne_bytes([pair[0], pair[1]]))
            .collect();
        assert_eq!(ours, theirs, "{selection}");
    }
}

#[test]
fn a_point_transform_loses_only_its_bits() {
    let (rows, columns) = (9, 16);
    let options = Options {
        precision: 12,
        selection: 1,
        point_transform: 2,
        restart_rows: 0,
    };
    let source = picture(rows, columns, 12);
    let got = decode(
        &encode(&source, rows, columns, &options),
        FrameSize { rows, columns },
    )
    .unwrap();
    let expected: Vec<u16> = source.iter().map(|value| value & !3).collect();
    assert_eq!(got.values, expected);
}

#[test]
fn cut_short_or_of_another_size_is_an_error() {
    let (rows, columns) = (20, 20);
    let options = Options {
        precision: 16,
        selection: 1,
        point_transform: 0,
        restart_rows: 4,
    };
    let encoded = encode(&picture(rows, columns, 16), rows, columns, &options);
    for length in 0..encoded.len() - 2 {
        assert!(
            decode(&encoded[..length], FrameSize { rows, columns }).is_err(),
            "{length}"
        );
    }
    assert!(decode(&encoded, FrameSize { rows: 21, columns }).is_err());
    assert!(decode(&encoded, FrameSize { rows, columns }).is_ok());
}
