use std::collections::BTreeMap;

use ndarray::{Array2, Array3, Axis};
use norma_inference::bilinear_at;
use norma_volume::CropBox;
use serde::{Deserialize, Serialize};

use super::framed::{Kind, ObjectError, decode_body, decode_header, encode};

const KIND: Kind = "NRMMAP01";

/// A stage's maps, one per slice that its models read, in the coordinates of the slice's crop.
#[derive(Debug, Clone, PartialEq)]
pub struct StageMap {
    /// Index along z in the volume, ascending.
    pub slices: Vec<usize>,
    /// `(n, h, w)`, 0 nothing to 255 most suspicious; the grid covers the crop.
    pub maps: Array3<u8>,
    pub crops: Vec<CropBox>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    shape: [usize; 3],
    slices: Vec<usize>,
    crops: Vec<CropBox>,
}

impl StageMap {
    /// The map's bytes, compressed.
    pub fn encode(&self) -> Result<Vec<u8>, ObjectError> {
        let (count, rows, columns) = self.maps.dim();
        let header = Header {
            shape: [count, rows, columns],
            slices: self.slices.clone(),
            crops: self.crops.clone(),
        };
        check(&header)?;
        let maps = self.maps.as_standard_layout();
        let values = maps
            .as_slice()
            .expect("an array in standard layout is contiguous");
        encode(KIND, &header, &[values])
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, ObjectError> {
        let (header, body) = decode_header::<Header>(KIND, bytes)?;
        check(&header)?;
        let [count, rows, columns] = header.shape;
        let values = count
            .checked_mul(rows)
            .and_then(|product| product.checked_mul(columns));
        let maps = Array3::from_shape_vec((count, rows, columns), decode_body(body, values)?)
            .map_err(|error| ObjectError::Inconsistent(error.to_string()))?;
        Ok(Self {
            slices: header.slices,
            maps,
            crops: header.crops,
        })
    }

    /// The map of a slice of the volume at the slice's own `rows` × `columns`, 0 outside the crop: the map of
    /// the nearest slice that was read. None for a slice farther from any than those are from each other,
    /// such as the neck above the lungs.
    pub fn slice_map(&self, slice: usize, rows: usize, columns: usize) -> Option<Array2<u8>> {
        let nearest = self.nearest(slice)?;
        let map = self.maps.index_axis(Axis(0), nearest).mapv(f32::from);
        let crop = self.crops[nearest];
        let (height, width) = map.dim();
        // Pixel i of the slice covers i..i+1; cell j of the map covers j..j+1 of its h (or w) in the side.
        let place = |pixel: usize, start: f32, cells: usize| {
            let within = (pixel as f32 + 0.5 - start) / crop.side;
            (0.0..1.0)
                .contains(&within)
                .then_some(within * cells as f32 - 0.5)
        };
        let across: Vec<Option<f32>> = (0..columns).map(|x| place(x, crop.x, width)).collect();
        let mut whole = Array2::zeros((rows, columns));
        for (y, mut row) in whole.outer_iter_mut().enumerate() {
            let Some(down) = place(y, crop.y, height) else {
                continue;
            };
            for (value, across) in row.iter_mut().zip(&across) {
                if let Some(across) = across {
                    *value = bilinear_at(&map, down, *across).round() as u8;
                }
            }
        }
        Some(whole)
    }

    /// The maps of the slices that were read, each as [`slice_map`](Self::slice_map) gives it, by their index along z in the volume.
    pub fn slice_maps(&self, rows: usize, columns: usize) -> BTreeMap<usize, Array2<u8>> {
        let slices = self.slices.iter();
        slices
            .filter_map(|slice| Some((*slice, self.slice_map(*slice, rows, columns)?)))
            .collect()
    }

    fn nearest(&self, slice: usize) -> Option<usize> {
        let nearest = (0..self.slices.len()).min_by_key(|index| self.slices[*index].abs_diff(slice))?;
        let widest = self
            .slices
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap_or(1);
        (self.slices[nearest].abs_diff(slice) <= widest).then_some(nearest)
    }
}

fn check(header: &Header) -> Result<(), ObjectError> {
    let [count, rows, columns] = header.shape;
    let complete = header.slices.len() == count && header.crops.len() == count && rows > 0 && columns > 0;
    let ascending = header.slices.windows(2).all(|pair| pair[0] < pair[1]);
    let crops_fit = header
        .crops
        .iter()
        .all(|crop| crop.side > 0.0 && crop.x.is_finite() && crop.y.is_finite() && crop.side.is_finite());
    if complete && ascending && crops_fit {
        return Ok(());
    }
    Err(ObjectError::Inconsistent(
        "slices, crops and maps do not belong together".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> StageMap {
        let mut maps = Array3::zeros((3, 7, 7));
        maps[[1, 3, 3]] = 255;
        maps[[2, 0, 6]] = 200;
        StageMap {
            slices: vec![10, 14, 18],
            maps,
            crops: vec![
                CropBox {
                    y: 100.0,
                    x: 50.0,
                    side: 70.0,
                };
                3
            ],
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let bytes = map().encode().unwrap();
        assert_eq!(StageMap::decode(&bytes).unwrap(), map());
        for length in 0..bytes.len() {
            assert!(StageMap::decode(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn a_map_lies_where_its_crop_lies() {
        let whole = map().slice_map(14, 256, 192).unwrap();
        assert_eq!(whole.dim(), (256, 192));
        // The middle cell covers rows 130..140 and columns 80..90; the pixels around its centre are a
        // twentieth of a cell away from it: 0.95² · 255 = 230.
        assert!(whole[[134, 84]] == 230 && whole[[135, 85]] == 230);
        assert_eq!(whole[[99, 84]], 0);
        assert_eq!(whole[[150, 84]], 0);
        let (y, x) = (0..256)
            .flat_map(|y| (0..192).map(move |x| (y, x)))
            .max_by_key(|place| whole[*place])
            .unwrap();
        assert!((134..=135).contains(&y) && (84..=85).contains(&x), "{y} {x}");
    }

    #[test]
    fn slices_between_take_the_nearest_and_slices_beyond_none() {
        assert_eq!(map().slice_map(13, 256, 192), map().slice_map(14, 256, 192));
        assert!(map().slice_map(22, 256, 192).is_some());
        assert!(map().slice_map(23, 256, 192).is_none());
        assert!(map().slice_map(2, 256, 192).is_none());
    }
}
