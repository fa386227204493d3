//! Trees of vessels and bronchi that fill the lungs.

use crate::noise::Stream;
use crate::shapes::{Point, Tube, length, minus, plus_scaled};

/// Terminal radius and the exponent by which a parent's radius follows from its children (Murray's law has 3).
const TWIG_RADIUS_MM: f32 = 0.55;
const BRANCHING_EXPONENT: f32 = 2.95;

/// A tree from `root` to every target.
pub(crate) fn grow(root: Point, targets: Vec<Point>, stream: &mut Stream) -> Vec<Tube> {
    let mut tubes = Vec::with_capacity(targets.len() * 4);
    branch(root, radius_for(targets.len()), targets, 0, stream, &mut tubes);
    tubes
}

fn radius_for(targets: usize) -> f32 {
    TWIG_RADIUS_MM * (targets as f32).powf(1.0 / BRANCHING_EXPONENT)
}

fn branch(
    from: Point,
    radius: f32,
    mut targets: Vec<Point>,
    depth: usize,
    stream: &mut Stream,
    tubes: &mut Vec<Tube>,
) {
    if targets.len() <= 1 || depth > 40 {
        for target in targets {
            bend(from, target, radius, TWIG_RADIUS_MM * 0.7, stream, tubes);
        }
        return;
    }
    let count = targets.len() as f32;
    let mut center = [0.0; 3];
    for target in &targets {
        center = plus_scaled(center, *target, 1.0 / count);
    }
    // Part of the way to the middle of what is to be reached; trunks go further before they part.
    let share = stream.range(0.28, 0.5);
    let mut node = plus_scaled(from, minus(center, from), share);
    let wobble = 0.06 * length(minus(center, from));
    for coordinate in &mut node {
        *coordinate += wobble * stream.normal();
    }
    let end_radius = radius_for(targets.len());
    bend(from, node, radius, end_radius, stream, tubes);

    // Part the targets across the direction in which they spread most.
    let axis = widest_axis(&targets, center, stream);
    let along = |point: &Point| (0..3).map(|index| point[index] * axis[index]).sum::<f32>();
    targets.sort_by(|a, b| along(a).total_cmp(&along(b)));
    let cut = ((count * stream.range(0.3, 0.7)) as usize).clamp(1, targets.len() - 1);
    let rest = targets.split_off(cut);
    for part in [targets, rest] {
        let start = radius_for(part.len()).min(end_radius);
        branch(node, start, part, depth + 1, stream, tubes);
    }
}

/// Two tubes with a slight bend between them.
fn bend(
    from: Point,
    to: Point,
    radius_from: f32,
    radius_to: f32,
    stream: &mut Stream,
    tubes: &mut Vec<Tube>,
) {
    let distance = length(minus(to, from));
    let mut middle = plus_scaled(from, minus(to, from), 0.5);
    for coordinate in &mut middle {
        *coordinate += 0.05 * distance * stream.normal();
    }
    let radius_middle = f32::midpoint(radius_from, radius_to);
    tubes.push(Tube {
        from,
        to: middle,
        radius_from,
        radius_to: radius_middle,
    });
    tubes.push(Tube {
        from: middle,
        to,
        radius_from: radius_middle,
        radius_to,
    });
}

/// Of a few random directions, that of the largest spread.
fn widest_axis(targets: &[Point], center: Point, stream: &mut Stream) -> Point {
    let mut best = (0.0, [1.0, 0.0, 0.0]);
    for _ in 0..6 {
        let raw = [stream.normal(), stream.normal(), stream.normal()];
        let norm = length(raw).max(1e-3);
        let axis = raw.map(|component| component / norm);
        let spread: f32 = targets
            .iter()
            .step_by((targets.len() / 64).max(1))
            .map(|target| {
                let offset = minus(*target, center);
                (0..3).map(|index| offset[index] * axis[index]).sum::<f32>().abs()
            })
            .sum();
        if spread > best.0 {
            best = (spread, axis);
        }
    }
    best.1
}

/// The bronchi beside the thicker arteries: wall and lumen run a little to the side of them.
pub(crate) fn bronchi_beside(arteries: &[Tube]) -> Vec<Tube> {
    arteries
        .iter()
        .filter(|artery| artery.radius_to > 1.5)
        .map(|artery| {
            let offset = [0.35, 0.55, 0.3].map(|component| component * 2.1);
            let aside = |point: Point, radius: f32| plus_scaled(point, offset, radius);
            Tube {
                from: aside(artery.from, artery.radius_from),
                to: aside(artery.to, artery.radius_to),
                radius_from: artery.radius_from * 0.95,
                radius_to: artery.radius_to * 0.95,
            }
        })
        .collect()
}
