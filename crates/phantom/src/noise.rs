//! Reproducible randomness: hashes of positions, smooth noise, and a small generator.

/// SplitMix64 (Steele, Lea, Flood 2014): every seed gives a stream of its own.
#[derive(Debug, Clone)]
pub(crate) struct Stream(u64);

impl Stream {
    pub(crate) fn new(seed: u64, part: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ part.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Evenly in `low..high`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * unit(self.next())
    }

    /// About normal with mean 0 and standard deviation 1: the sum of four even numbers.
    pub(crate) fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xFFFF).sum();
        (sum as f32 / 65535.0 - 2.0) * 1.732
    }
}

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

fn unit(bits: u64) -> f32 {
    (bits >> 40) as f32 / (1u64 << 24) as f32
}

/// Smooth noise in space: values on a lattice that repeats, between them smooth steps.
#[derive(Debug, Clone)]
pub(crate) struct Noise {
    lattice: Vec<f32>,
}

impl Noise {
    const SIDE: usize = 32;

    pub(crate) fn new(seed: u64) -> Self {
        let mut stream = Stream::new(seed, 0);
        Self {
            lattice: (0..Self::SIDE.pow(3)).map(|_| stream.range(-1.0, 1.0)).collect(),
        }
    }

    /// −1..=1 at a position in millimetres, changing over `scale_mm`. Different parts are independent.
    pub(crate) fn at(&self, part: usize, position: [f32; 3], scale_mm: f32) -> f32 {
        const MASK: usize = Noise::SIDE - 1;
        let scale = 1.0 / scale_mm;
        let mut corner = [0usize; 3];
        let mut fraction = [0.0f32; 3];
        for axis in 0..3 {
            let scaled = position[axis] * scale + 1000.0;
            let base = scaled as usize;
            let t = scaled - base as f32;
            fraction[axis] = t * t * (3.0 - 2.0 * t);
            corner[axis] = base + part * (7 + 4 * axis);
        }
        let value = |dx: usize, dy: usize, dz: usize| {
            let index = (((corner[2] + dz) & MASK) * Self::SIDE + ((corner[1] + dy) & MASK)) * Self::SIDE
                + ((corner[0] + dx) & MASK);
            self.lattice[index]
        };
        let lerp = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let plane = |dz: usize| {
            lerp(
                lerp(value(0, 0, dz), value(1, 0, dz), fraction[0]),
                lerp(value(0, 1, dz), value(1, 1, dz), fraction[0]),
                fraction[1],
            )
        };
        lerp(plane(0), plane(1), fraction[2])
    }
}
