//! Signed distances in millimetres: negative inside. Coordinates are `[x, y, z]`: x to the patient's left, y to
//! the back, z to the head.

pub(crate) type Point = [f32; 3];

pub(crate) fn minus(a: Point, b: Point) -> Point {
    std::array::from_fn(|axis| a[axis] - b[axis])
}

pub(crate) fn plus_scaled(a: Point, b: Point, factor: f32) -> Point {
    std::array::from_fn(|axis| a[axis] + factor * b[axis])
}

pub(crate) fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn length(a: Point) -> f32 {
    dot(a, a).sqrt()
}

/// A tube between two points, its radius changing evenly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tube {
    pub(crate) from: Point,
    pub(crate) to: Point,
    pub(crate) radius_from: f32,
    pub(crate) radius_to: f32,
}

impl Tube {
    pub(crate) fn distance(&self, point: Point) -> f32 {
        let (along, toward) = (minus(self.to, self.from), minus(point, self.from));
        let t = (dot(toward, along) / dot(along, along).max(1e-6)).clamp(0.0, 1.0);
        let radius = self.radius_from + (self.radius_to - self.radius_from) * t;
        length(minus(toward, along.map(|component| component * t))) - radius
    }

    /// Lowest and highest z that the tube, widened by `margin`, reaches.
    pub(crate) fn z_range(&self, margin: f32) -> (f32, f32) {
        let reach = self.radius_from.max(self.radius_to) + margin;
        (
            self.from[2].min(self.to[2]) - reach,
            self.from[2].max(self.to[2]) + reach,
        )
    }
}

/// Tubes through the points `([x, y, z], radius)` one after the other.
pub(crate) fn chain(points: &[(Point, f32)]) -> Vec<Tube> {
    points
        .windows(2)
        .map(|pair| Tube {
            from: pair[0].0,
            to: pair[1].0,
            radius_from: pair[0].1,
            radius_to: pair[1].1,
        })
        .collect()
}

/// Distance from an ellipsoid, exact on its surface and about right near it.
pub(crate) fn ellipsoid(point: Point, center: Point, radii: Point) -> f32 {
    let relative = minus(point, center);
    let scaled: Point = std::array::from_fn(|axis| relative[axis] / radii[axis]);
    let k = length(scaled);
    if k < 1e-4 {
        return -radii.iter().copied().fold(f32::INFINITY, f32::min);
    }
    let gradient: Point = std::array::from_fn(|axis| scaled[axis] / radii[axis]);
    k * (k - 1.0) / length(gradient).max(1e-6)
}

/// Distance along the ray from the centre to a superellipse of exponent 2.25, a little squarer than an ellipse,
/// with its own half-depth to the front and back. Far outside it is only known to be large.
pub(crate) fn superellipse(x: f32, y: f32, half_width: f32, front: f32, back: f32) -> f32 {
    let depth = if y < 0.0 { front } else { back };
    let (u, v) = ((x / half_width).abs(), (y / depth).abs());
    if u > 1.2 || v > 1.2 {
        return 20.0;
    }
    let power = |value: f32| value * value * value.sqrt().sqrt();
    let rho = (power(u) + power(v)).powf(1.0 / 2.25);
    let radius = x.hypot(y);
    if rho < 1e-3 {
        -half_width.min(depth)
    } else {
        radius - radius / rho
    }
}

/// The smaller of two distances with the corner rounded over `rounding` (polynomial smooth minimum).
pub(crate) fn union(a: f32, b: f32, rounding: f32) -> f32 {
    let h = (rounding - (a - b).abs()).max(0.0) / rounding;
    a.min(b) - h * h * rounding * 0.25
}

/// The larger of two distances with the corner rounded.
pub(crate) fn intersection(a: f32, b: f32, rounding: f32) -> f32 {
    -union(-a, -b, rounding)
}

/// Smooth step from 0 at `low` to 1 at `high`.
pub(crate) fn step(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A value that changes smoothly between knots `(position, value)`, constant beyond them.
pub(crate) fn profile(knots: &[(f32, f32)], position: f32) -> f32 {
    let Some(after) = knots.iter().position(|knot| knot.0 > position) else {
        return knots.last().map_or(0.0, |knot| knot.1);
    };
    if after == 0 {
        return knots[0].1;
    }
    let (low, high) = (knots[after - 1], knots[after]);
    let t = (position - low.0) / (high.0 - low.0);
    low.1 + (high.1 - low.1) * t
}

/// How much of a pixel lies inside, 0..=1, for an edge as wide as `edge_mm`.
pub(crate) fn coverage(distance: f32, edge_mm: f32) -> f32 {
    (0.5 - distance / edge_mm).clamp(0.0, 1.0)
}

/// `value` replaced by `other` as far as it is covered.
pub(crate) fn blend(value: &mut f32, other: f32, coverage: f32) {
    *value += (other - *value) * coverage;
}
