//! Ribs, spine, sternum, clavicles, scapulae, humeral heads.

use crate::anatomy::{Anatomy, Level, VERTEBRA_MM};
use crate::noise::Noise;
use crate::shapes::{Point, Tube, blend, chain, coverage, length, minus, step};

const CORTICAL_HU: f32 = 820.0;
const MARROW_HU: f32 = 190.0;
const CARTILAGE_HU: f32 = 115.0;
const CORTEX_MM: f32 = 1.6;

/// Bones that are tubes; made once.
#[derive(Debug, Clone)]
pub(crate) struct Skeleton {
    clavicles: Vec<Tube>,
}

impl Skeleton {
    pub(crate) fn new() -> Self {
        let mut clavicles = Vec::new();
        for side in [-1.0, 1.0] {
            clavicles.extend(chain(&[
                ([side * 15.0, -50.0, 254.0], 8.5),
                ([side * 40.0, -56.0, 260.0], 6.5),
                ([side * 74.0, -46.0, 270.0], 6.0),
                ([side * 108.0, -20.0, 281.0], 6.5),
                ([side * 138.0, -8.0, 289.0], 7.0),
            ]));
        }
        Self { clavicles }
    }

    /// Paints the bones into the value of a point. `cage` is the point's distance from the middle of the ribs.
    pub(crate) fn paint(
        &self,
        anatomy: &Anatomy,
        level: &Level,
        point: Point,
        cage: f32,
        edge_mm: f32,
        value: &mut f32,
    ) {
        let [x, y, z] = point;
        if cage.abs() < 9.0 {
            paint_ribs(point, cage, edge_mm, value);
            paint_sternum(anatomy, level, point, edge_mm, value);
        }
        if x.abs() < 48.0 && y > level.spine_y - 26.0 {
            paint_spine(anatomy, level, point, edge_mm, value);
        }
        if z > 140.0 && cage > 6.0 {
            paint_scapula(anatomy, point, cage, edge_mm, value);
        }
        if z > 238.0 {
            for clavicle in &self.clavicles {
                bone(value, clavicle.distance(point), edge_mm, &anatomy.noise, point);
            }
            let head = length(minus([x.abs(), y, z], [160.0, 4.0, 292.0])) - 21.0;
            bone(value, head, edge_mm, &anatomy.noise, point);
        }
    }
}

/// A shell of cortical bone around marrow.
fn bone(value: &mut f32, distance: f32, edge_mm: f32, noise: &Noise, point: Point) {
    if distance > edge_mm {
        return;
    }
    let marrow = MARROW_HU + 45.0 * noise.at(21, point, 3.5);
    blend(value, CORTICAL_HU, coverage(distance, edge_mm));
    blend(value, marrow, coverage(distance + CORTEX_MM, edge_mm));
}

/// Twelve pairs that fall from the spine to the front. `cage` runs across a rib, the height along it.
fn paint_ribs([x, y, z]: Point, cage: f32, edge_mm: f32, value: &mut f32) {
    // 0 at the spine, 1 at the sternum.
    let around = (x.abs()).atan2(y - 2.0) / std::f32::consts::PI;
    if x.abs() < 16.0 && y > 0.0 {
        return;
    }
    for rib in 0..12 {
        let number = rib as f32;
        let start = 268.0 - VERTEBRA_MM * number;
        let fall = (30.0 + 9.0 * number).min(98.0);
        let height = start - fall * (1.0 - (around * std::f32::consts::PI).cos()) / 2.0 * 1.15;
        let end = if rib < 7 {
            1.0
        } else if rib < 10 {
            0.92 - 0.06 * (number - 7.0)
        } else {
            0.5 - 0.1 * (number - 10.0)
        };
        let (half_height, half_width) = (6.8, 3.9);
        let across = ((z - height) / half_height).hypot(cage / half_width);
        if across > 1.6 || around > end {
            continue;
        }
        let distance = (across - 1.0) * half_width;
        let cartilage = step(0.76, 0.78, around);
        let inside = coverage(distance, edge_mm);
        if cartilage > 0.5 {
            blend(value, CARTILAGE_HU, inside);
        } else {
            blend(value, CORTICAL_HU * 0.92, inside);
            blend(value, MARROW_HU + 40.0, coverage(distance + 1.5, edge_mm));
        }
    }
}

fn paint_sternum(anatomy: &Anatomy, level: &Level, point: Point, edge_mm: f32, value: &mut f32) {
    let [x, y, z] = point;
    if x.abs() > 40.0 || y > 0.0 || !(118.0..256.0).contains(&z) {
        return;
    }
    let center_y = level.cage_front_y() - 1.0;
    let half_width = if z > 208.0 {
        17.0 + 12.0 * step(208.0, 246.0, z)
    } else {
        15.0 + 4.0 * step(190.0, 140.0, z)
    };
    let half_depth = if z > 208.0 { 6.5 } else { 5.5 };
    let ends = (z - 187.0).abs() - 66.0;
    // The joint between manubrium and body.
    let joint = 1.5 - (z - 208.0).abs();
    let k = (x / half_width).hypot((y - center_y) / half_depth);
    let distance = ((k - 1.0) * half_depth).max(ends).max(joint);
    bone(value, distance, edge_mm, &anatomy.noise, point);
}

fn paint_spine(anatomy: &Anatomy, level: &Level, point: Point, edge_mm: f32, value: &mut f32) {
    let [x, y, z] = point;
    let center_y = level.spine_y;
    // −0.5..0.5 within a vertebra and the disc below it.
    let phase = (z / VERTEBRA_MM).fract() - 0.5;
    let from_middle_mm = phase.abs() * VERTEBRA_MM;
    let size = 1.12 - 0.28 * step(40.0, 290.0, z);

    let body = {
        let waist = 1.0 - 0.07 * (1.0 - (from_middle_mm / 9.0).min(1.0));
        let (half_width, half_depth) = (19.0 * size * waist, 15.5 * size * waist);
        let flat_back = y - center_y - half_depth * 0.82;
        let round = ((x / half_width).hypot((y - center_y) / half_depth) - 1.0) * half_depth;
        round.max(flat_back)
    };
    let disc = from_middle_mm - 8.8;
    blend(value, 95.0, coverage(body, edge_mm));
    bone(value, body.max(disc), edge_mm, &anatomy.noise, point);

    // Canal with the cord, surrounded by pedicles and laminae.
    let canal_y = center_y + 23.0 * size;
    let canal = (x / 9.2).hypot((y - canal_y) / 8.2) * 8.5 - 8.5;
    let open = step(6.5, 9.5, from_middle_mm);
    let arch = (x / 1.15).hypot(y - canal_y) - 13.5 + 3.5 * open;
    if canal > 0.0 {
        bone(value, arch.max(-canal - 0.5), edge_mm, &anatomy.noise, point);
    }
    blend(value, 22.0, coverage(canal, edge_mm));
    blend(value, 42.0, coverage(x.hypot(y - canal_y) - 4.6, edge_mm));

    // Transverse processes in the upper half of each vertebra, spinous processes that point down.
    let transverse = Tube {
        from: [9.0, canal_y + 5.0, 0.0],
        to: [34.0 * size, canal_y + 13.0, 0.0],
        radius_from: 5.0,
        radius_to: 4.2,
    };
    let rise = (phase - 0.12) * VERTEBRA_MM;
    bone(
        value,
        transverse.distance([x.abs(), y, rise]),
        edge_mm,
        &anatomy.noise,
        point,
    );
    let spinous = Tube {
        from: [0.0, canal_y + 11.0, 0.0],
        to: [0.0, canal_y + 31.0, -9.0],
        radius_from: 4.4,
        radius_to: 3.0,
    };
    for shift in [0.0, VERTEBRA_MM] {
        bone(
            value,
            spinous.distance([x, y, (phase + 0.1) * VERTEBRA_MM - shift]),
            edge_mm,
            &anatomy.noise,
            point,
        );
    }
}

/// A blade within the muscles behind and beside the upper ribs.
fn paint_scapula(anatomy: &Anatomy, point: Point, cage: f32, edge_mm: f32, value: &mut f32) {
    let [x, y, z] = point;
    let around = x.abs().atan2(y) / std::f32::consts::PI;
    let high = step(148.0, 240.0, z);
    let (first, last) = (0.27 - 0.05 * high, 0.30 + 0.17 * high);
    if !(first - 0.03..last + 0.03).contains(&around) || z > 285.0 {
        return;
    }
    let depth = 15.0 + 16.0 * step(0.26, 0.46, around) * high + 10.0 * step(240.0, 285.0, z);
    let thickness = 2.0 + 4.5 * step(0.36, 0.46, around) * high;
    let ends = ((around - f32::midpoint(first, last)).abs() - (last - first) / 2.0) * 260.0;
    let blade = ((cage - depth).abs() - thickness).max(ends);
    bone(value, blade, edge_mm, &anatomy.noise, point);
    // The spine of the scapula stands off the blade.
    if z > 222.0 {
        let ridge = ((around - 0.335 - 0.0009 * (z - 222.0)).abs() * 320.0 - 2.2)
            .max(depth - cage)
            .max(cage - depth - 17.0);
        bone(value, ridge, edge_mm, &anatomy.noise, point);
    }
}
