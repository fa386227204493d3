//! Slices of the phantom in Hounsfield units.

use ndarray::{Array3, Axis};
use rayon::prelude::*;

use crate::anatomy::{Anatomy, Level, NearTubes};
use crate::canvas::{Canvas, FIELD_OF_VIEW_MM, Grid, blur, reached};
use crate::noise::Stream;
use crate::options::{Lungs, PhantomOptions};
use crate::shapes::{Point, Tube, blend, coverage, ellipsoid, step};
use crate::skeleton::Skeleton;
use crate::vessels::{bronchi_beside, grow};

const AIR_HU: f32 = -1000.0;
const PADDING_HU: i16 = -1024;
const FAT_HU: f32 = -103.0;
const MUSCLE_HU: f32 = 54.0;
const BLOOD_HU: f32 = 42.0;
const ENHANCED_BLOOD_HU: f32 = 210.0;
/// Ends of the finest vessels in each lung, for arteries and veins alike.
const TWIGS_PER_LUNG: usize = 1900;

/// Everything that is painted.
struct Scene<'a> {
    options: &'a PhantomOptions,
    anatomy: Anatomy,
    skeleton: Skeleton,
    lung_vessels: Vec<Tube>,
    bronchi: Vec<Tube>,
    nodule: Vec<Tube>,
    blood_hu: f32,
}

/// All slices `(z, y, x)` of the phantom that the options describe.
pub(crate) fn render(options: &PhantomOptions) -> Array3<i16> {
    let (tilt_sin, tilt_cos) = options.tilt_degrees.to_radians().sin_cos();
    let grid = Grid {
        size: options.size,
        pixel_mm: FIELD_OF_VIEW_MM / options.size as f32,
        spacing_mm: options.spacing_mm,
        tilt_sin,
        tilt_cos,
    };
    let scene = Scene::new(options);
    let mut volume = Array3::zeros((options.slices, options.size, options.size));
    let planes: Vec<_> = volume.axis_iter_mut(Axis(0)).collect();
    planes.into_par_iter().enumerate().for_each(|(slice, mut plane)| {
        for (voxel, value) in plane.iter_mut().zip(scene.slice(slice, &grid)) {
            *voxel = value;
        }
    });
    volume
}

impl<'a> Scene<'a> {
    fn new(options: &'a PhantomOptions) -> Self {
        let anatomy = Anatomy::new(options.seed);
        let (mut lung_vessels, mut bronchi) = (Vec::new(), Vec::new());
        let all = NearTubes::new(&anatomy, f32::NEG_INFINITY, f32::INFINITY);
        for (part, side) in [(2, -1.0f32), (3, 1.0)] {
            let mut stream = Stream::new(options.seed, part);
            let artery_root = if side < 0.0 {
                [-44.0, 2.0, 166.0]
            } else {
                [46.0, 14.0, 170.0]
            };
            let vein_root = if side < 0.0 {
                [-38.0, 12.0, 144.0]
            } else {
                [44.0, 16.0, 144.0]
            };
            let arteries = grow(
                artery_root,
                targets(&anatomy, &all, side, &mut stream),
                &mut stream,
            );
            bronchi.extend(bronchi_beside(&arteries));
            lung_vessels.extend(arteries);
            lung_vessels.extend(grow(
                vein_root,
                targets(&anatomy, &all, side, &mut stream),
                &mut stream,
            ));
        }
        drop(all);
        Self {
            skeleton: Skeleton::new(),
            lung_vessels,
            bronchi,
            nodule: spicules(options),
            blood_hu: if options.contrast {
                ENHANCED_BLOOD_HU
            } else {
                BLOOD_HU
            },
            options,
            anatomy,
        }
    }

    fn slice(&self, slice: usize, grid: &Grid) -> Vec<i16> {
        let size = grid.size;
        let (top, bottom) = (grid.point(slice, 0, 0)[2], grid.point(slice, size - 1, 0)[2]);
        let (low, high) = (top.min(bottom), top.max(bottom));
        let near = NearTubes::new(&self.anatomy, low, high);
        let edge_mm = grid.pixel_mm.max(1.0);
        let mut canvas = Canvas {
            slice,
            grid,
            values: Vec::with_capacity(size * size),
            lung: Vec::with_capacity(size * size),
        };
        for row in 0..size {
            let level = self.anatomy.level(grid.point(slice, row, 0)[2]);
            for column in 0..size {
                let (value, lung) = self.tissue(&level, grid.point(slice, row, column), &near, edge_mm);
                canvas.values.push(value);
                canvas.lung.push(lung);
            }
        }
        let fine_edge = edge_mm.max(1.1);
        for tube in reached(&self.lung_vessels, low, high) {
            canvas.paint(tube, |value, distance, lung| {
                blend(value, self.blood_hu, coverage(distance, fine_edge) * lung);
            });
        }
        for tube in reached(&self.bronchi, low, high) {
            canvas.paint(tube, |value, distance, lung| {
                blend(value, -120.0, coverage(distance, fine_edge) * lung * 0.9);
                blend(value, -975.0, coverage(distance + 0.85, fine_edge) * lung);
            });
        }
        for tube in reached(&self.nodule, low, high) {
            canvas.paint(tube, |value, distance, lung| {
                blend(value, 30.0, coverage(distance, fine_edge) * lung);
            });
        }
        blur(&mut canvas.values, size);
        self.with_noise(&canvas.values, slice, grid)
    }

    /// Hounsfield units of a point and how much of it is lung with air.
    fn tissue(&self, level: &Level, point: Point, near: &NearTubes<'_>, edge_mm: f32) -> (f32, f32) {
        let anatomy = &self.anatomy;
        let [x, y, z] = point;
        let mut value = AIR_HU;
        paint_table(point, edge_mm, &mut value);
        let body = anatomy.body(level, point);
        if body > edge_mm {
            return (value, 0.0);
        }
        blend(&mut value, 20.0, coverage(body, edge_mm));
        blend(&mut value, FAT_HU, coverage(body + 1.9, edge_mm));
        let muscle = body + anatomy.fat_depth(point);
        if muscle > edge_mm {
            // Strands in the fat under the skin.
            let strand = 0.22 * step(0.55, 0.8, anatomy.noise.at(11, point, 9.0));
            blend(&mut value, -20.0, strand * coverage(body + 3.0, edge_mm));
            return (value, 0.0);
        }
        let cage = anatomy.cage(level, point);
        blend(
            &mut value,
            self.wall(point, cage, muscle, edge_mm),
            coverage(muscle, edge_mm),
        );
        let mut lung = 0.0;
        if cage < 0.0 {
            blend(&mut value, FAT_HU + 8.0, coverage(cage + 5.2, edge_mm));
            self.paint_inlet(point, cage, &mut value);
            self.paint_abdomen(point, cage, edge_mm, &mut value);
            let space = anatomy.lung_space(level, point, cage, near);
            if space < edge_mm {
                lung = self.paint_lung(point, cage, space, edge_mm, &mut value);
            }
            if x.abs() < 96.0 && space > -edge_mm {
                self.paint_mediastinum(point, near, edge_mm, &mut value);
            }
        }
        self.skeleton
            .paint(anatomy, level, point, cage, edge_mm, &mut value);
        debug_assert!(value.is_finite(), "{x} {y} {z}");
        (value, lung)
    }

    /// Muscles of the chest wall with the fat between their layers.
    fn wall(&self, point: Point, cage: f32, muscle: f32, edge_mm: f32) -> f32 {
        let noise = &self.anatomy.noise;
        let mut value = MUSCLE_HU + 5.0 * noise.at(12, point, 10.0);
        let thickness = cage - muscle;
        if cage > 4.0 && thickness > 5.0 {
            let layer = cage / thickness + 0.16 * noise.at(13, point, 34.0);
            let present = step(-0.45, 0.0, noise.at(14, point, 26.0));
            for at in [0.16, 0.45, 0.74] {
                let sheet = (layer - at).abs() * thickness - 1.1 - 0.9 * noise.at(15, point, 12.0);
                blend(
                    &mut value,
                    FAT_HU + 15.0,
                    0.85 * present * coverage(sheet, edge_mm),
                );
            }
        }
        // Marbling, more of it in the shoulders.
        let marbling = step(0.42, 0.8, noise.at(16, point, 7.0));
        blend(&mut value, -60.0, 0.45 * marbling);
        value
    }

    /// Muscles and fat of the thoracic inlet above the lungs.
    fn paint_inlet(&self, point: Point, cage: f32, value: &mut f32) {
        let share = step(236.0, 262.0, point[2]) * coverage(cage + 4.0, 3.0);
        if share > 0.0 {
            let muscle = step(-0.15, 0.15, self.anatomy.noise.at(17, point, 17.0));
            blend(value, MUSCLE_HU - 6.0, share * muscle * 0.95);
        }
    }

    /// Liver, stomach, spleen, kidneys below the diaphragm.
    fn paint_abdomen(&self, point: Point, cage: f32, edge_mm: f32, value: &mut f32) {
        let below = self.anatomy.below_diaphragm(point);
        let inside = below.max(cage + 6.0);
        if inside > edge_mm {
            return;
        }
        let noise = &self.anatomy.noise;
        let bulge = 3.0 * noise.at(18, point, 40.0);
        let mut organ = FAT_HU + 4.0 * noise.at(19, point, 12.0);
        let diaphragm = coverage(-below - 2.4, edge_mm);
        let liver = ellipsoid(point, [-50.0, -6.0, 34.0], [104.0, 84.0, 92.0]) + bulge;
        let stomach = ellipsoid(point, [58.0, -22.0, 44.0], [46.0, 44.0, 52.0]) + bulge;
        let spleen = ellipsoid(point, [92.0, 38.0, 38.0], [30.0, 40.0, 52.0]) + bulge;
        let kidneys =
            [-56.0, 58.0].map(|side| ellipsoid(point, [side, 42.0, -20.0], [25.0, 23.0, 42.0]) + 0.5 * bulge);
        let adrenal_fat = ellipsoid(point, [2.0, 22.0, 30.0], [34.0, 26.0, 80.0]);
        blend(
            &mut organ,
            60.0 + if self.options.contrast { 45.0 } else { 0.0 },
            coverage(liver, edge_mm),
        );
        // Vessels of the liver are a little darker without contrast.
        let vein = step(0.5, 0.62, noise.at(22, point, 13.0)) * coverage(liver + 12.0, edge_mm);
        blend(
            &mut organ,
            if self.options.contrast { 140.0 } else { 40.0 },
            0.7 * vein,
        );
        blend(&mut organ, 50.0, coverage(spleen, edge_mm));
        blend(&mut organ, 55.0, coverage(stomach, edge_mm));
        blend(
            &mut organ,
            30.0 + 14.0 * noise.at(23, point, 8.0),
            coverage(stomach + 4.0, edge_mm),
        );
        let gas = (stomach + 5.0).max(point[1] + 46.0);
        blend(&mut organ, -1000.0, coverage(gas, edge_mm));
        blend(&mut organ, FAT_HU, coverage(adrenal_fat, 4.0));
        for kidney in kidneys {
            blend(&mut organ, FAT_HU, coverage(kidney - 5.0 - bulge, 4.0));
            blend(&mut organ, 32.0, coverage(kidney, edge_mm));
        }
        blend(&mut organ, MUSCLE_HU, diaphragm);
        blend(value, organ, coverage(inside, edge_mm));
    }

    /// Lung with what fills it; returns how much of the point is lung with air.
    fn paint_lung(&self, point: Point, cage: f32, space: f32, edge_mm: f32, value: &mut f32) -> f32 {
        let [x, y, z] = point;
        let noise = &self.anatomy.noise;
        let is_right = x < 0.0;
        let share = coverage(space, edge_mm);
        let with_air = match self.options.lungs {
            Lungs::Both => true,
            Lungs::Left => !is_right,
            Lungs::None => false,
        };
        if !with_air {
            blend(value, 18.0 + 6.0 * noise.at(31, point, 11.0), share);
            return 0.0;
        }
        let dependent = step(-40.0, 80.0, y);
        let mut lung =
            -878.0 + 34.0 * dependent + 9.0 * noise.at(32, point, 24.0) + 15.0 * noise.at(33, point, 2.6);
        let fissure = self.fissure(point);
        blend(&mut lung, -640.0, 0.75 * coverage(fissure, edge_mm));
        let mut aerated = share;
        if let Some(nodule) = &self.options.nodule {
            let away = crate::shapes::length(crate::shapes::minus(point, nodule.center_mm));
            if away < nodule.diameter_mm {
                let surface = away - nodule.diameter_mm / 2.0 * (1.0 + 0.16 * noise.at(34, point, 5.5));
                let solid = coverage(surface, edge_mm);
                blend(&mut lung, nodule.hounsfield, solid);
                aerated *= 1.0 - solid;
            }
        }
        if self.options.effusion && is_right {
            let depth = -(cage + 6.5);
            let thickness =
                62.0 * (1.0 - step(48.0, 222.0, z)) * step(-52.0, 62.0, y + 0.25 * (z - 90.0).min(0.0));
            let surface = depth - thickness;
            if thickness > 1.0 {
                let collapsed = surface - 7.0 - 5.0 * noise.at(35, point, 12.0);
                let hazy = coverage(collapsed, 9.0);
                blend(&mut lung, 28.0, hazy * step(0.0, 12.0, thickness));
                let fluid = coverage(surface, edge_mm);
                blend(&mut lung, 8.0, fluid);
                aerated *= 1.0 - fluid.max(0.8 * hazy);
            }
        }
        if self.options.pneumothorax && !is_right {
            // Between the inner wall and the pleura of the lung, which stays visible as a line.
            let depth = -(cage + 6.5);
            let thickness = 26.0 * (1.0 - step(-70.0, 10.0, y)) * step(70.0, 120.0, z);
            if thickness > 1.0 {
                let surface = depth - thickness;
                let gas = coverage(surface, edge_mm);
                blend(&mut lung, -998.0, gas);
                blend(&mut lung, -780.0, coverage(surface.abs() - 0.4, edge_mm));
                aerated *= 1.0 - gas;
            }
        }
        blend(value, lung, share);
        aerated
    }

    /// From the oblique fissures, and on the right the horizontal one.
    fn fissure(&self, point: Point) -> f32 {
        let [x, y, z] = point;
        let wave = 5.0 * self.anatomy.noise.at(36, [x, y, 0.0], 40.0);
        let oblique = (z - (152.0 + 0.95 * y + 0.12 * x.abs() + wave)).abs() * 0.7;
        let horizontal = (z - (160.0 - 0.1 * x.abs() + wave)).abs();
        let front_of_oblique = x < 0.0 && z > 152.0 + 0.95 * y;
        if front_of_oblique {
            oblique.min(horizontal) - 0.25
        } else {
            oblique - 0.25
        }
    }

    fn paint_mediastinum(&self, point: Point, near: &NearTubes<'_>, edge_mm: f32, value: &mut f32) {
        let noise = &self.anatomy.noise;
        let heart = self
            .anatomy
            .heart(point)
            .max(-self.anatomy.below_diaphragm(point));
        if heart < edge_mm {
            blend(value, 48.0, coverage(heart, edge_mm));
            let epicardial =
                step(0.1, 0.45, noise.at(41, point, 17.0)) * coverage((heart + 3.0).abs() - 1.8, edge_mm);
            blend(value, FAT_HU + 20.0, 0.7 * epicardial);
            blend(
                value,
                self.blood_hu.min(190.0) - 2.0,
                coverage(heart + 12.0, 5.0) * 0.9,
            );
        }
        let vessel = near.distance(&near.vessels, point);
        blend(value, self.blood_hu, coverage(vessel, edge_mm));
        let esophagus = near.distance(&near.esophagus, point);
        blend(value, 38.0, coverage(esophagus, edge_mm));
        let swallowed = esophagus + 4.6 - 1.2 * noise.at(42, point, 30.0);
        blend(
            value,
            -700.0,
            coverage(swallowed, edge_mm) * step(150.0, 175.0, point[2]),
        );
        let airway = near.distance(&near.airways, point);
        blend(value, 35.0, coverage(airway - 1.3, edge_mm));
        blend(value, AIR_HU + 6.0, coverage(airway, edge_mm));
    }

    /// Rounds to whole units, with noise grained like that of a soft kernel and padding beyond the field of view.
    fn with_noise(&self, values: &[f32], slice: usize, grid: &Grid) -> Vec<i16> {
        let size = grid.size;
        let mut stream = Stream::new(self.options.seed ^ 0xA5A5, slice as u64);
        let mut grain: Vec<f32> = (0..size * size).map(|_| stream.normal()).collect();
        // The blur leaves 3/8 of a white noise's deviation.
        blur(&mut grain, size);
        let z = (slice as f32 + 0.5) * grid.spacing_mm;
        let sigma = self.options.noise_hu * (1.0 + 0.7 * step(215.0, 275.0, z)) / 0.375;
        let radius = size as f32 / 2.0;
        let from_middle = |index: usize| index as f32 + 0.5 - radius;
        let mut pixels = Vec::with_capacity(size * size);
        for (index, (value, grain)) in values.iter().zip(&grain).enumerate() {
            let (down, across) = (from_middle(index / size), from_middle(index % size));
            pixels.push(if down * down + across * across > radius * radius {
                PADDING_HU
            } else {
                (value + sigma * grain)
                    .round()
                    .clamp(f32::from(PADDING_HU), 3071.0) as i16
            });
        }
        pixels
    }
}

/// Points inside one lung, away from its surface, evenly by volume.
fn targets(anatomy: &Anatomy, all: &NearTubes<'_>, side: f32, stream: &mut Stream) -> Vec<Point> {
    let mut points = Vec::with_capacity(TWIGS_PER_LUNG);
    // Four times as many tries as there are hits on average; the bound keeps a strange anatomy finite.
    for _ in 0..TWIGS_PER_LUNG * 40 {
        if points.len() == TWIGS_PER_LUNG {
            break;
        }
        let point = [
            side * stream.range(6.0, 140.0),
            stream.range(-95.0, 95.0),
            stream.range(20.0, 268.0),
        ];
        let level = anatomy.level(point[2]);
        if anatomy.lung_space(&level, point, anatomy.cage(&level, point), all) < -5.0 {
            points.push(point);
        }
    }
    points
}

/// Strands from a spiculated nodule into the lung around it.
fn spicules(options: &PhantomOptions) -> Vec<Tube> {
    let Some(nodule) = &options.nodule else {
        return Vec::new();
    };
    if !nodule.spiculated {
        return Vec::new();
    }
    let mut stream = Stream::new(options.seed, 4);
    (0..22)
        .map(|_| {
            let raw = [stream.normal(), stream.normal(), stream.normal()];
            let norm = crate::shapes::length(raw).max(1e-3);
            let reach = nodule.diameter_mm * stream.range(0.62, 0.95);
            Tube {
                from: nodule.center_mm,
                to: std::array::from_fn(|axis| nodule.center_mm[axis] + raw[axis] / norm * reach),
                radius_from: nodule.diameter_mm * 0.09,
                radius_to: 0.35,
            }
        })
        .collect()
}

/// A curved table top of foam between two shells.
fn paint_table([x, y, _]: Point, edge_mm: f32, value: &mut f32) {
    if y < 60.0 || x.abs() > 205.0 {
        return;
    }
    let top = 118.0 - 34.0 * (x / 205.0).powi(2);
    let depth = y - top;
    blend(value, -945.0, coverage((depth - 11.0).abs() - 11.0, edge_mm));
    blend(value, -480.0, coverage(depth.abs() - 0.8, edge_mm));
    blend(value, -60.0, coverage((depth - 22.0).abs() - 1.0, edge_mm));
}
