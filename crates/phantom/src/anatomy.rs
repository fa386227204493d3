//! The trunk: where body, chest wall, mediastinum, diaphragm and lungs are.
//!
//! Millimetres from the middle of the trunk: x to the patient's left, y to the back, z up from the lowest
//! slice of a whole scan; 300 mm hold the chest from below the costophrenic recess to above the apices.

use crate::noise::{Noise, Stream};
use crate::shapes::{Point, Tube, chain, ellipsoid, intersection, profile, step, superellipse, union};

/// Centres of the vertebral bodies are this far apart.
pub(crate) const VERTEBRA_MM: f32 = 22.0;

const HALF_WIDTH: &[(f32, f32)] = &[
    (0.0, 156.0),
    (60.0, 160.0),
    (130.0, 166.0),
    (190.0, 173.0),
    (225.0, 184.0),
    (262.0, 196.0),
    (300.0, 186.0),
];
const FRONT: &[(f32, f32)] = &[
    (0.0, 104.0),
    (60.0, 110.0),
    (110.0, 111.0),
    (160.0, 110.0),
    (215.0, 98.0),
    (255.0, 76.0),
    (300.0, 58.0),
];
const BACK: &[(f32, f32)] = &[
    (0.0, 98.0),
    (100.0, 102.0),
    (200.0, 106.0),
    (250.0, 100.0),
    (300.0, 84.0),
];

const CAGE_HALF_WIDTH: &[(f32, f32)] = &[
    (0.0, 134.0),
    (60.0, 136.0),
    (110.0, 135.0),
    (160.0, 128.0),
    (200.0, 115.0),
    (228.0, 100.0),
    (248.0, 83.0),
    (265.0, 62.0),
    (300.0, 48.0),
];
const CAGE_FRONT: &[(f32, f32)] = &[
    (0.0, 84.0),
    (70.0, 92.0),
    (120.0, 92.0),
    (165.0, 86.0),
    (205.0, 74.0),
    (235.0, 58.0),
    (258.0, 44.0),
    (300.0, 34.0),
];
const CAGE_BACK: &[(f32, f32)] = &[
    (0.0, 76.0),
    (60.0, 82.0),
    (130.0, 86.0),
    (190.0, 84.0),
    (230.0, 74.0),
    (258.0, 62.0),
    (300.0, 54.0),
];

/// What depends on the height alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    half_width: f32,
    front: f32,
    back: f32,
    cage_half_width: f32,
    cage_front: f32,
    cage_back: f32,
    /// `y` of the vertebral bodies' centre; the thoracic spine is bent.
    pub(crate) spine_y: f32,
    /// Half-widths of the mediastinum in its middle, in front and behind.
    septum: [f32; 3],
}

impl Level {
    /// `y` of the front of the cage in the middle.
    pub(crate) fn cage_front_y(&self) -> f32 {
        2.0 - self.cage_front
    }
}

/// One person's measures and organs.
#[derive(Debug, Clone)]
pub(crate) struct Anatomy {
    pub(crate) noise: Noise,
    width_scale: f32,
    depth_scale: f32,
    fat_mm: f32,
    heart_scale: f32,
    /// Height of the right and left dome of the diaphragm.
    domes: [f32; 2],
    /// Blood: aorta, its branches, veins, pulmonary trunk.
    pub(crate) vessels: Vec<Tube>,
    /// Trachea and main bronchi.
    pub(crate) airways: Vec<Tube>,
    pub(crate) esophagus: Vec<Tube>,
}

impl Anatomy {
    pub(crate) fn new(seed: u64) -> Self {
        let mut stream = Stream::new(seed, 1);
        Self {
            noise: Noise::new(seed),
            width_scale: stream.range(0.97, 1.03),
            depth_scale: stream.range(0.96, 1.04),
            fat_mm: stream.range(10.0, 16.0),
            heart_scale: stream.range(0.93, 1.04),
            domes: [stream.range(104.0, 112.0), stream.range(90.0, 98.0)],
            vessels: great_vessels(),
            airways: central_airways(),
            esophagus: chain(&[
                ([4.0, 26.0, 300.0], 6.5),
                ([7.0, 27.0, 200.0], 6.5),
                ([8.0, 32.0, 90.0], 7.5),
                ([22.0, 20.0, 60.0], 8.0),
            ]),
        }
    }

    pub(crate) fn level(&self, z: f32) -> Level {
        let cage_back = profile(CAGE_BACK, z) * self.depth_scale;
        Level {
            half_width: profile(HALF_WIDTH, z) * self.width_scale,
            front: profile(FRONT, z) * self.depth_scale,
            back: profile(BACK, z) * self.depth_scale,
            cage_half_width: profile(CAGE_HALF_WIDTH, z) * self.width_scale,
            cage_front: profile(CAGE_FRONT, z) * self.depth_scale,
            cage_back,
            spine_y: cage_back - 32.0,
            septum: [
                profile(
                    &[
                        (80.0, 14.0),
                        (150.0, 18.0),
                        (190.0, 24.0),
                        (225.0, 27.0),
                        (250.0, 30.0),
                        (270.0, 46.0),
                    ],
                    z,
                ),
                profile(
                    &[
                        (90.0, 18.0),
                        (128.0, 13.0),
                        (156.0, 5.0),
                        (200.0, 3.5),
                        (222.0, 10.0),
                        (245.0, 34.0),
                        (262.0, 60.0),
                    ],
                    z,
                ),
                profile(&[(80.0, 9.0), (200.0, 7.0), (235.0, 14.0), (265.0, 40.0)], z),
            ],
        }
    }

    /// From the skin.
    pub(crate) fn body(&self, level: &Level, [x, y, _]: Point) -> f32 {
        let groove = if y > 40.0 {
            7.0 * step(40.0, 120.0, y) * (-(x / 22.0).powi(2)).exp()
        } else {
            0.0
        };
        superellipse(x, y, level.half_width, level.front, level.back) + groove
    }

    /// Depth of the fat under the skin.
    pub(crate) fn fat_depth(&self, point: Point) -> f32 {
        let [x, y, z] = point;
        let side = (x.abs() / 150.0).min(1.0);
        let low = 1.0 - step(60.0, 170.0, z);
        let front = step(20.0, -90.0, y);
        self.fat_mm * (0.55 + 0.5 * side + 0.5 * low + 0.25 * front) + 2.5 * self.noise.at(1, point, 38.0)
    }

    /// From the middle of the ribs.
    pub(crate) fn cage(&self, level: &Level, [x, y, _]: Point) -> f32 {
        superellipse(
            x,
            y - 2.0,
            level.cage_half_width,
            level.cage_front,
            level.cage_back,
        )
    }

    /// From the diaphragm's upper surface: negative below it. About right in millimetres.
    pub(crate) fn below_diaphragm(&self, [x, y, z]: Point) -> f32 {
        let (dome, center_x) = if x < 0.0 {
            (self.domes[0], -66.0)
        } else {
            (self.domes[1], 68.0)
        };
        let (u, v) = ((x - center_x) / 66.0, (y + 6.0) / 72.0);
        let q = u * u + v * v;
        let recess = 26.0 * step(25.0, 85.0, y) + 8.0 * step(85.0, 135.0, x.abs());
        let surface = dome - 34.0 * q / (1.0 + 0.12 * q) - recess + 2.0 * self.noise.at(5, [x, y, 0.0], 45.0);
        (z - surface) * 0.72
    }

    /// From the heart with its sac.
    pub(crate) fn heart(&self, point: Point) -> f32 {
        let scale = self.heart_scale;
        let (sin, cos) = 0.66f32.sin_cos();
        let turn = |[x, y, z]: Point, center: Point| {
            let (dx, dy) = (x - center[0], y - center[1]);
            [cos * dx - sin * dy, sin * dx + cos * dy, z - center[2]]
        };
        let ventricles = ellipsoid(
            turn(point, [24.0, -30.0, 122.0]),
            [0.0; 3],
            [60.0 * scale, 41.0 * scale, 46.0 * scale],
        );
        let right_atrium = ellipsoid(point, [-22.0, -20.0, 136.0], [26.0 * scale, 30.0, 34.0]);
        let left_atrium = ellipsoid(point, [6.0, 8.0, 152.0], [36.0, 20.0, 24.0]);
        let outflow = ellipsoid(point, [10.0, -42.0, 160.0], [28.0, 24.0, 26.0]);
        union(
            union(ventricles, right_atrium, 14.0),
            union(left_atrium, outflow, 14.0),
            12.0,
        )
    }

    /// From the vertebral column with the tissue beside it.
    fn paraspinal(level: &Level, [x, y, _]: Point) -> f32 {
        let center = level.spine_y;
        let body = (x / 1.15).hypot(y - center) - 18.5;
        let arch = (x / 1.25).hypot(y - center - 34.0) - 24.0;
        union(body, arch, 12.0)
    }

    /// From everything between the lungs.
    fn mediastinum(&self, level: &Level, point: Point, near: &NearTubes<'_>) -> f32 {
        let [x, y, z] = point;
        if x.abs() > 98.0 {
            return 10.0;
        }
        let front = step(-28.0, -52.0, y);
        let behind = step(18.0, 40.0, y);
        let [middle, in_front, at_back] = level.septum;
        let half_width = middle * (1.0 - front) * (1.0 - behind) + front * in_front + behind * at_back;
        let shift = 5.0 * (1.0 - step(150.0, 210.0, z)) + 1.5 * self.noise.at(9, point, 30.0);
        let septum = (x - shift).abs() - half_width;
        let mut distance = union(septum, self.heart(point) - 3.0, 10.0);
        if x.abs() < 52.0 && y > 10.0 {
            distance = union(distance, Self::paraspinal(level, point) - 1.5, 9.0);
        }
        distance = union(distance, near.distance(&near.vessels, point) - 2.0, 9.0);
        union(distance, near.distance(&near.airways, point) - 3.0, 7.0)
    }

    /// From the space of the lungs, as if both were full of air.
    pub(crate) fn lung_space(&self, level: &Level, point: Point, cage: f32, near: &NearTubes<'_>) -> f32 {
        let inner_wall = cage + 6.5 + 0.8 * self.noise.at(3, point, 14.0);
        if inner_wall > 3.0 {
            return inner_wall;
        }
        let above = -self.below_diaphragm(point);
        let mut distance = intersection(inner_wall, above, 7.0);
        distance = intersection(distance, Self::apex(point), 8.0);
        if distance > 3.0 {
            return distance;
        }
        intersection(distance, -self.mediastinum(level, point, near), 5.0)
    }

    /// From the dome that closes a lung above; it opens downwards.
    fn apex([x, y, z]: Point) -> f32 {
        let below = (202.0 - z).max(0.0);
        let widening = 1.0 + below / 25.0;
        ellipsoid(
            [x.abs(), y, z.max(202.0)],
            [47.0, 12.0, 202.0],
            [70.0 * widening, 72.0 * widening, 64.0],
        )
    }
}

/// The tubes that a slice can reach, so that a pixel asks few of them.
#[derive(Debug)]
pub(crate) struct NearTubes<'a> {
    pub(crate) vessels: Vec<&'a Tube>,
    pub(crate) airways: Vec<&'a Tube>,
    pub(crate) esophagus: Vec<&'a Tube>,
}

impl<'a> NearTubes<'a> {
    /// Tubes within 14 mm of the range of heights `low..=high`.
    pub(crate) fn new(anatomy: &'a Anatomy, low: f32, high: f32) -> Self {
        let near = |tubes: &'a [Tube]| {
            tubes
                .iter()
                .filter(|tube| {
                    let (bottom, top) = tube.z_range(14.0);
                    top >= low && bottom <= high
                })
                .collect()
        };
        Self {
            vessels: near(&anatomy.vessels),
            airways: near(&anatomy.airways),
            esophagus: near(&anatomy.esophagus),
        }
    }

    pub(crate) fn distance(&self, tubes: &[&Tube], point: Point) -> f32 {
        tubes.iter().map(|tube| tube.distance(point)).fold(60.0, f32::min)
    }
}

/// Aorta with its arch and branches, venae cavae, pulmonary trunk and arteries, veins of the upper chest.
fn great_vessels() -> Vec<Tube> {
    let aorta: &[(Point, f32)] = &[
        ([2.0, -22.0, 152.0], 15.0),
        ([-12.0, -30.0, 170.0], 16.0),
        ([-17.0, -30.0, 190.0], 16.0),
        ([-13.0, -27.0, 206.0], 15.5),
        ([-3.0, -17.0, 216.0], 14.5),
        ([10.0, 2.0, 218.0], 14.0),
        ([20.0, 18.0, 212.0], 13.5),
        ([24.0, 30.0, 198.0], 13.0),
        ([24.0, 33.0, 170.0], 12.5),
        ([20.0, 36.0, 130.0], 12.0),
        ([13.0, 34.0, 80.0], 11.5),
        ([6.0, 28.0, 30.0], 11.0),
        ([4.0, 22.0, 0.0], 10.5),
    ];
    let mut vessels = chain(aorta);
    for branch in [
        // Brachiocephalic trunk, left carotid, left subclavian artery.
        &[
            ([-9.0, -24.0, 214.0], 7.0),
            ([-14.0, -20.0, 236.0], 6.5),
            ([-22.0, -16.0, 256.0], 6.0),
            ([-38.0, -12.0, 276.0], 5.0),
        ][..],
        &[
            ([0.0, -12.0, 220.0], 5.0),
            ([6.0, -10.0, 250.0], 4.5),
            ([16.0, -4.0, 300.0], 4.0),
        ],
        &[
            ([12.0, 4.0, 220.0], 5.5),
            ([20.0, 6.0, 246.0], 5.0),
            ([38.0, -4.0, 272.0], 4.5),
            ([70.0, -10.0, 282.0], 4.0),
        ],
        &[([-26.0, -14.0, 262.0], 4.0), ([-22.0, -6.0, 300.0], 4.0)],
        // Superior vena cava and brachiocephalic veins.
        &[
            ([-27.0, -22.0, 150.0], 10.0),
            ([-29.0, -25.0, 200.0], 9.0),
            ([-27.0, -30.0, 226.0], 8.0),
            ([-34.0, -28.0, 258.0], 7.0),
            ([-62.0, -30.0, 280.0], 6.0),
        ],
        &[
            ([-26.0, -32.0, 224.0], 7.0),
            ([0.0, -36.0, 234.0], 6.5),
            ([24.0, -32.0, 246.0], 6.5),
            ([40.0, -26.0, 268.0], 6.0),
            ([72.0, -26.0, 284.0], 5.5),
        ],
        // Pulmonary trunk, right and left pulmonary artery.
        &[
            ([12.0, -44.0, 160.0], 15.0),
            ([18.0, -36.0, 176.0], 14.5),
            ([18.0, -24.0, 184.0], 14.0),
        ],
        &[
            ([18.0, -24.0, 184.0], 11.0),
            ([-4.0, -12.0, 180.0], 10.5),
            ([-30.0, -6.0, 176.0], 9.5),
            ([-44.0, 2.0, 168.0], 8.0),
        ],
        &[
            ([18.0, -24.0, 185.0], 11.0),
            ([34.0, -8.0, 190.0], 10.0),
            ([44.0, 8.0, 184.0], 8.5),
            ([46.0, 16.0, 170.0], 7.5),
        ],
        // Inferior vena cava, azygos vein with its arch.
        &[
            ([-24.0, 12.0, 0.0], 11.0),
            ([-28.0, 4.0, 70.0], 11.5),
            ([-26.0, -8.0, 112.0], 12.0),
        ],
        &[
            ([-7.0, 34.0, 40.0], 3.5),
            ([-9.0, 36.0, 150.0], 4.0),
            ([-12.0, 32.0, 198.0], 4.5),
            ([-24.0, 16.0, 206.0], 5.0),
            ([-28.0, -12.0, 204.0], 5.0),
        ],
        // Lower pulmonary veins into the left atrium.
        &[([-14.0, 12.0, 150.0], 8.0), ([-42.0, 14.0, 142.0], 6.0)],
        &[([26.0, 14.0, 150.0], 8.0), ([48.0, 18.0, 142.0], 6.0)],
    ] {
        vessels.extend(chain(branch));
    }
    vessels
}

fn central_airways() -> Vec<Tube> {
    let mut airways = chain(&[
        ([0.0, -6.0, 300.0], 8.5),
        ([0.0, 4.0, 240.0], 8.8),
        ([2.0, 10.0, 196.0], 9.2),
    ]);
    for branch in [
        &[
            ([2.0, 10.0, 196.0], 8.0),
            ([-22.0, 12.0, 178.0], 7.2),
            ([-38.0, 12.0, 160.0], 5.8),
            ([-46.0, 16.0, 144.0], 4.6),
        ][..],
        &[([-26.0, 12.0, 176.0], 5.0), ([-50.0, 8.0, 182.0], 4.4)],
        &[
            ([2.0, 10.0, 196.0], 7.4),
            ([28.0, 14.0, 176.0], 6.4),
            ([42.0, 16.0, 160.0], 5.4),
            ([50.0, 22.0, 146.0], 4.4),
        ],
        &[([36.0, 14.0, 170.0], 4.8), ([54.0, 4.0, 172.0], 4.2)],
    ] {
        airways.extend(chain(branch));
    }
    airways
}
