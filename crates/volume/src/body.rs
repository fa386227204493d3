//! The body within a prepared slice: neither the air around it nor the table under it.

use ndarray::{Array2, ArrayView2, Axis, Zip};

use crate::components::Components;
use crate::morphology::{dilate, erode};
use crate::prepare::{PREPARED_HU_HIGH, PREPARED_HU_LOW};
use crate::slice_lungs::fill_holes;

/// Skin ends halfway between fat and air.
const TISSUE_HU: f32 = -500.0;
/// What hangs on the body by less than twice this and a pixel (clothes, a table's edge) is no part of it, in pixels of a
/// prepared slice, about 1.6 mm each.
const BRIDGE: usize = 2;

/// 1 where a prepared slice shows the body that the lungs lie in, gas within it included, 0 where it shows the air
/// around it, arms, table or clothes. `pixels` and `lung_mask` (0 or 1) are one slice of
/// [`PreparedSlices`](crate::PreparedSlices), rows × columns. All 0 where there is neither lung nor tissue.
///
/// # Panics
/// If the two differ in shape.
pub fn body_in_prepared_slice(pixels: ArrayView2<'_, u8>, lung_mask: ArrayView2<'_, u8>) -> Array2<u8> {
    let level = (TISSUE_HU - PREPARED_HU_LOW) / (PREPARED_HU_HIGH - PREPARED_HU_LOW) * 255.0;
    let tissue = Zip::from(pixels)
        .and(lung_mask)
        .map_collect(|&pixel, &lung| u8::from(lung != 0 || f32::from(pixel) >= level));
    let core = erode(tissue.view(), BRIDGE).insert_axis(Axis(0));
    let components = Components::of(core.view());
    let mut holds_lung = vec![false; components.statistics.len()];
    for run in &components.runs {
        let lung = lung_mask.row(run.y as usize);
        holds_lung[run.component as usize] |= (run.start..run.end).any(|column| lung[column as usize] != 0);
    }
    // A tip of lung may be thinner than the bridges: then the body is the largest piece.
    let largest = components.largest().filter(|_| !holds_lung.contains(&true));
    let body = components.mask(core.dim(), |component| {
        holds_lung[component] || largest == Some(component)
    });
    let grown = dilate(body.index_axis(Axis(0), 0), BRIDGE + 1);
    let skin = Zip::from(&grown)
        .and(&tissue)
        .and(lung_mask)
        .map_collect(|&grown, &tissue, &lung| u8::from((grown != 0 && tissue != 0) || lung != 0));
    fill_holes(skin.view())
}

#[cfg(test)]
mod tests {
    use ndarray::s;

    use super::*;

    const FAT: u8 = 191;
    const MUSCLE: u8 = 223;
    const LUNG: u8 = 32;
    const AIR: u8 = 0;

    fn within(y: usize, x: usize, middle: [f32; 2], radii: [f32; 2]) -> bool {
        ((y as f32 - middle[0]) / radii[0]).powi(2) + ((x as f32 - middle[1]) / radii[1]).powi(2) < 1.0
    }

    /// A body of 140 × 200 pixels with two lungs and a trachea.
    fn chest() -> (Array2<u8>, Array2<u8>) {
        let lung = Array2::from_shape_fn((224, 224), |(y, x)| {
            u8::from(within(y, x, [100.0, 65.0], [50.0, 32.0]) || within(y, x, [100.0, 159.0], [50.0, 32.0]))
        });
        let pixels = Array2::from_shape_fn((224, 224), |(y, x)| {
            if lung[[y, x]] != 0 {
                LUNG
            } else if within(y, x, [90.0, 112.0], [6.0, 6.0]) {
                AIR
            } else if within(y, x, [100.0, 112.0], [66.0, 94.0]) {
                MUSCLE
            } else if within(y, x, [100.0, 112.0], [70.0, 100.0]) {
                FAT
            } else {
                AIR
            }
        });
        (pixels, lung)
    }

    #[test]
    fn the_body_ends_at_the_skin_and_holds_its_gas() {
        let (pixels, lung) = chest();
        let body = body_in_prepared_slice(pixels.view(), lung.view());
        for ((y, x), &value) in body.indexed_iter() {
            assert_eq!(value == 1, within(y, x, [100.0, 112.0], [70.0, 100.0]), "{y} {x}");
        }
    }

    #[test]
    fn a_table_is_no_body_even_where_it_touches() {
        let (mut pixels, lung) = chest();
        // A table of 12 mm, apart from the back by a pixel but for two bridges of 5 mm.
        pixels.slice_mut(s![171..179, 20..204]).fill(MUSCLE);
        pixels.slice_mut(s![168..171, 100..103]).fill(MUSCLE);
        pixels.slice_mut(s![168..171, 120..123]).fill(MUSCLE);
        let body = body_in_prepared_slice(pixels.view(), lung.view());
        let of_table = body
            .slice(s![174.., ..])
            .iter()
            .filter(|&&value| value != 0)
            .count();
        assert_eq!(of_table, 0);
        assert_eq!(body[[160, 112]], 1);
    }

    #[test]
    fn fluid_that_reaches_the_chest_wall_is_body() {
        let (mut pixels, mut lung) = chest();
        pixels
            .slice_mut(s![100..155, 30..100])
            .mapv_inplace(|value| if value == LUNG { MUSCLE } else { value });
        lung.slice_mut(s![100..155, 30..100]).fill(0);
        let body = body_in_prepared_slice(pixels.view(), lung.view());
        assert_eq!(body[[130, 65]], 1);
    }

    #[test]
    fn a_tip_of_lung_lies_in_the_largest_piece() {
        let (pixels, _) = chest();
        let mut lung = Array2::zeros((224, 224));
        lung.slice_mut(s![60..62, 112..114]).fill(1);
        let body = body_in_prepared_slice(pixels.view(), lung.view());
        assert_eq!((body[[60, 112]], body[[110, 112]], body[[2, 2]]), (1, 1, 0));
        let nothing = Array2::zeros((224, 224));
        let body = body_in_prepared_slice(nothing.view(), nothing.view());
        assert!(body.iter().all(|&value| value == 0));
    }
}
