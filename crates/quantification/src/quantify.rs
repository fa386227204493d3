//! All measures of a volume.

use ndarray::Array3;
use norma_domain::{
    LungSide, LungThird, Measure, MeasureCode, MeasureState, MeasuredFinding, NotMeasurable, PathologyType,
    Quantification,
};
use norma_volume::{LungSegmentation, Volume, low_ceiling_hu};

use crate::aorta::Aorta;
use crate::density::{Densely, Densities, blood_pool};
use crate::edges::overshoot_hu;
use crate::fluid::find_pleural_fluid;
use crate::gas::find_pleural_gas;
use crate::grid::{GRID_MM, Grid};
use crate::heart::heart_width;
use crate::lung_edge::LungEdge;
use crate::opacity::{Opacities, find_opacities};
use crate::protocol::{Protocol, are_coarse};
use crate::ranges::range_of;
use crate::regions::{BySide, Region};
use crate::repeatability::gated;
use crate::segmented_finding::{SegmentedFinding, mask_of};
use crate::spine::Spine;
use crate::texture::lung_texture_hu;
use crate::thorax::Thorax;
use crate::vertebrae::trabecular_hu;

/// Lungs with less air are not measured.
const LEAST_LUNG_ML: f64 = 500.0;
/// Thicker slices average lesions away.
const LARGEST_SPACING_MM: f64 = 5.01;
/// From here on the blood holds contrast.
const CONTRAST_HU: f64 = 100.0;
/// Lungs whose median lies above hold so little air, by expiration or disease all over, that density says nothing of an
/// opacity's edge.
const SHALLOW_MEAN_HU: f64 = -650.0;
/// Opacities listed at most.
const MOST_OPACITIES: usize = 8;
/// Bullae under the pleura look like pleural gas; what is more is a pneumothorax, or so large a bulla that it is pathology too.
const LARGEST_BULLA_ML: f64 = 100.0;
/// An opacity that is listed as a finding.
const LEAST_FINDING_ML: f64 = 10.0;

/// Measures a chest volume in Hounsfield units with the lungs that were found in it.
///
/// Everything is measured on a grid of 2 mm, whose voxels average over many of a fine volume: so noise, and a sharp
/// kernel's excess of it, do not count as low attenuation. What cannot be measured says so, and so does what slices and noise
/// may have moved over its limit. `thickness_mm` is the slices' own thickness where it is known; they may overlap.
/// The duration is 0; the caller knows it. The findings stand beside, with their masks.
pub fn quantify(
    volume: &Volume,
    lungs: &LungSegmentation,
    thickness_mm: Option<f64>,
) -> (Quantification, Vec<SegmentedFinding>) {
    let slab_mm = Protocol::slab_mm(volume.geometry.spacing_mm.z(), thickness_mm);
    let why_not = if lungs.total_ml() < LEAST_LUNG_ML {
        Some(NotMeasurable::NoLungs)
    } else if slab_mm > LARGEST_SPACING_MM {
        Some(NotMeasurable::SlicesTooThick)
    } else {
        None
    };
    let grid = if why_not.is_none() {
        Grid::new(volume, lungs)
    } else {
        None
    };
    let thorax = grid.as_ref().and_then(Thorax::find);
    let (Some(grid), Some(thorax)) = (grid, thorax) else {
        let why = why_not.unwrap_or(NotMeasurable::NoLungs);
        let quantification = Quantification {
            measures: ALL.map(|code| cannot(code, why)).to_vec(),
            ..Default::default()
        };
        return (quantification, Vec::new());
    };
    let is_lung = grid.is_lung();
    let gas = find_pleural_gas(&grid, &is_lung, &thorax);
    let densities = Densities::measure(&grid, &without(&is_lung, &gas));
    let blood = blood_pool(&grid, &thorax.inside, &is_lung, thorax.center);
    let ceiling_hu = low_ceiling_hu(volume.hounsfield.view());
    let pixel_mm = volume.geometry.spacing_mm.y().max(volume.geometry.spacing_mm.x());
    let protocol = Protocol {
        slab_mm,
        pixel_mm,
        noise_hu: blood.as_ref().map(|blood| blood.noise_hu),
        overshoot_hu: are_coarse(pixel_mm)
            .then(|| overshoot_hu(volume, lungs))
            .flatten(),
    };
    let blood = blood.map(|blood| blood.median_hu);
    let sides = thorax.has_ribs().then(|| thorax.sides(&grid));
    let nothing = || Array3::from_elem(is_lung.dim(), false);
    let edge = sides.as_ref().and_then(|sides| LungEdge::find(&grid, sides));
    let instead_of_lung = |either: bool| {
        edge.as_ref()
            .map_or_else(nothing, |edge| edge.instead_of_lung(is_lung.dim(), either))
    };
    let fluid = sides
        .as_ref()
        .map(|sides| find_pleural_fluid(&grid, &is_lung, &thorax, sides, &instead_of_lung(true)));
    let drowned = fluid
        .as_ref()
        .map_or_else(nothing, |fluid| fluid.mask(is_lung.dim()));
    let opacities = find_opacities(
        &grid,
        &is_lung,
        &thorax,
        &protocol,
        densities.percentile15().all,
        &instead_of_lung(false),
        &drowned,
    );

    let mean = densities.mean();
    let low_attenuation = densities.below(-950);
    let [right_ml, left_ml] = lung_millilitres(lungs, &gas);
    let lung_ml = right_ml + left_ml;
    let gate = |measure| gated(measure, &protocol, &densities);
    let mut measures = vec![
        measured(MeasureCode::LungVolume, lung_ml, Some([right_ml, left_ml])),
        measured(
            MeasureCode::SmallerLungShare,
            right_ml.min(left_ml) / lung_ml,
            None,
        ),
        densely(MeasureCode::MeanDensity, &mean),
        densely(MeasureCode::Percentile15, &densities.percentile15()),
        gate(densely(MeasureCode::LowAttenuation950, &low_attenuation)),
        gate(densely(MeasureCode::LowAttenuation910, &densities.below(-910))),
        densely(MeasureCode::HighAttenuation, &densities.between(-600, -250)),
    ];
    let extent = grid.lung_extent(GRID_MM * GRID_MM).unwrap_or([0, 0]);
    let mut findings = Vec::new();
    measures.extend(opacity_measures(
        &grid,
        &thorax,
        &opacities,
        no_opacity(mean.all, blood),
        gate,
        extent,
        &mut findings,
    ));
    measures.push(match &fluid {
        Some(fluid) => pleural(MeasureCode::PleuralFluid, &grid, fluid, extent, &mut findings),
        None => cannot(MeasureCode::PleuralFluid, no_ribs(ceiling_hu)),
    });
    measures.push(if may_be_bullae(&gas, low_attenuation.all) {
        not_what_it_seems(MeasureCode::PleuralGas, &gas, NotMeasurable::Emphysema)
    } else {
        pleural(MeasureCode::PleuralGas, &grid, &gas, extent, &mut findings)
    });
    measures.push(match blood {
        Some(value) if ends_at(ceiling_hu, value) => {
            cannot(MeasureCode::BloodPool, NotMeasurable::ValuesClipped)
        }
        Some(value) => Measure {
            state: MeasureState::Described,
            ..measured(MeasureCode::BloodPool, value, None)
        },
        None => cannot(MeasureCode::BloodPool, NotMeasurable::TooSmall),
    });
    let spine = Spine::find(&grid, thorax.center);
    measures.push(cardiothoracic_ratio(
        &grid,
        &is_lung,
        &thorax,
        spine.as_ref(),
        fluid.as_ref().ok_or_else(|| no_ribs(ceiling_hu)),
    ));
    let has_contrast = blood.is_none_or(|blood| blood >= CONTRAST_HU);
    // Bone and calcium lie above where they are cut off.
    measures.extend(if ceiling_hu.is_some() {
        [MeasureCode::TrabecularDensity, MeasureCode::AorticCalcium]
            .map(|code| cannot(code, NotMeasurable::ValuesClipped))
    } else {
        [
            gate(trabecular_density(&grid, spine.as_ref(), has_contrast)),
            aortic_calcium(&grid, spine.as_ref(), blood),
        ]
    });
    measures.push(
        match lung_texture_hu(&grid, &without(&is_lung, &gas), protocol.noise_hu) {
            Some(value) => measured(MeasureCode::LungTexture, value, None),
            None => cannot(MeasureCode::LungTexture, NotMeasurable::TooSmall),
        },
    );
    let quantification = Quantification {
        measures,
        ..Default::default()
    };
    (quantification, findings)
}

pub(crate) const ALL: [MeasureCode; 16] = [
    MeasureCode::LungVolume,
    MeasureCode::SmallerLungShare,
    MeasureCode::MeanDensity,
    MeasureCode::Percentile15,
    MeasureCode::LowAttenuation950,
    MeasureCode::LowAttenuation910,
    MeasureCode::HighAttenuation,
    MeasureCode::LargestOpacity,
    MeasureCode::OpacityVolume,
    MeasureCode::PleuralFluid,
    MeasureCode::PleuralGas,
    MeasureCode::BloodPool,
    MeasureCode::CardiothoracicRatio,
    MeasureCode::TrabecularDensity,
    MeasureCode::AorticCalcium,
    MeasureCode::LungTexture,
];

fn measured(code: MeasureCode, value: f64, by_side: Option<[f64; 2]>) -> Measure {
    let (range, unit, decides) = range_of(code);
    let state = range
        .as_ref()
        .map_or(MeasureState::Described, |range| range.state_of(value));
    Measure {
        code,
        unit: unit.to_owned(),
        value: value.is_finite().then_some(value),
        by_side,
        by_third: None,
        range,
        state,
        why: None,
        decides,
    }
}

fn cannot(code: MeasureCode, why: NotMeasurable) -> Measure {
    let (range, unit, decides) = range_of(code);
    Measure {
        code,
        unit: unit.to_owned(),
        value: None,
        by_side: None,
        by_third: None,
        range,
        state: MeasureState::NotMeasurable,
        why: Some(why),
        decides,
    }
}

fn densely(code: MeasureCode, values: &Densely) -> Measure {
    Measure {
        by_third: Some(values.by_third),
        ..measured(code, values.all, Some(values.by_side))
    }
}

/// The lungs' mask without the gas around them.
fn without(lungs: &Array3<bool>, gas: &BySide) -> Array3<bool> {
    let mut aerated = lungs.clone();
    for &voxel in gas.0.iter().flatten().flat_map(|region| &region.voxels) {
        aerated[voxel] = false;
    }
    aerated
}

/// Right and left lung, vessels included, without the gas around them.
fn lung_millilitres(lungs: &LungSegmentation, gas: &BySide) -> [f64; 2] {
    let gas = gas.millilitres();
    [
        (lungs.right_ml - gas[0]).max(0.0),
        (lungs.left_ml - gas[1]).max(0.0),
    ]
}

/// Whether gas at the chest wall may be bullae: the lungs are emphysematous and it is not more than such hold.
fn may_be_bullae(gas: &BySide, low_attenuation: f64) -> bool {
    let (range, _, _) = range_of(MeasureCode::LowAttenuation950);
    let is_emphysema = range.is_none_or(|range| range.state_of(low_attenuation) != MeasureState::Within);
    let most = gas.millilitres().into_iter().fold(0.0, f64::max);
    is_emphysema && most > 0.0 && most <= LARGEST_BULLA_ML
}

/// Why the ribs were not found all around: values that were cut off show none.
fn no_ribs(ceiling_hu: Option<i16>) -> NotMeasurable {
    match ceiling_hu {
        Some(_) => NotMeasurable::ValuesClipped,
        None => NotMeasurable::NoRibs,
    }
}

/// Whether values were cut off where this one lies: the true one may be any higher.
fn ends_at(ceiling_hu: Option<i16>, value: f64) -> bool {
    /// Noise and the averages of the grid.
    const SPREAD_HU: f64 = 15.0;
    ceiling_hu.is_some_and(|ceiling| value > f64::from(ceiling) - SPREAD_HU)
}

/// Why an opacity would not be one here.
fn no_opacity(mean_hu: f64, blood: Option<f64>) -> Option<NotMeasurable> {
    if mean_hu <= SHALLOW_MEAN_HU {
        None
    } else if blood.is_some_and(|blood| blood >= CONTRAST_HU) {
        Some(NotMeasurable::Contrast)
    } else {
        Some(NotMeasurable::ShallowInspiration)
    }
}

fn opacity_measures(
    grid: &Grid,
    thorax: &Thorax,
    opacities: &Opacities,
    why_not: Option<NotMeasurable>,
    gate: impl Fn(Measure) -> Measure,
    extent: [usize; 2],
    findings: &mut Vec<SegmentedFinding>,
) -> [Measure; 2] {
    let mut by_side = [0.0; 2];
    let mut largest = [0.0f64; 2];
    let mut by_third = [0.0; 3];
    for region in &opacities.regions {
        let [z, _, x] = region.center();
        let side = usize::from(!grid.is_right(x, thorax.center[1]));
        by_side[side] += region.millilitres();
        largest[side] = largest[side].max(region.millilitres());
        by_third[LungThird::of_slice(z, extent) as usize] += region.millilitres();
    }
    let total = by_side[0] + by_side[1];
    let of_one = |millilitres, by_side| gate(measured(MeasureCode::LargestOpacity, millilitres, by_side));
    let mut biggest = of_one(largest[0].max(largest[1]), Some(largest));
    let mut sum = Measure {
        by_third: Some(by_third),
        ..measured(MeasureCode::OpacityVolume, total, Some(by_side))
    };
    if let Some(why) = why_not {
        biggest.state = MeasureState::NotMeasurable;
        biggest.why = Some(why);
    }
    // A dome that is high and narrow looks as a consolidation that stands on it, and a thin layer along the back as one that comes of lying:
    // neither norm nor pathology is said for it.
    if opacities.doubt.is_some() && matches!(biggest.state, MeasureState::Within | MeasureState::Borderline) {
        biggest.state = MeasureState::NotMeasurable;
        biggest.why = opacities.doubt;
    }
    // The values stay: they are measures, but not of an opacity.
    if let Some(why) = biggest.why {
        sum.state = MeasureState::NotMeasurable;
        sum.why = Some(why);
        return [biggest, sum];
    }
    let listed = opacities.regions.iter().take(MOST_OPACITIES);
    for region in listed.filter(|region| region.millilitres() >= LEAST_FINDING_ML) {
        let decides = of_one(region.millilitres(), None).state == MeasureState::Outside;
        findings.push(SegmentedFinding {
            finding: finding(
                PathologyType::LungOpacity,
                grid,
                thorax.center[1],
                region,
                extent,
                decides,
            ),
            mask: mask_of(grid, std::slice::from_ref(region)),
        });
    }
    [biggest, sum]
}

/// What fills the pleural space, the side with more; a finding for each side where it is more than norm.
fn pleural(
    code: MeasureCode,
    grid: &Grid,
    filling: &BySide,
    extent: [usize; 2],
    findings: &mut Vec<SegmentedFinding>,
) -> Measure {
    let by_side = filling.millilitres();
    let measure = measured(code, by_side[0].max(by_side[1]), Some(by_side));
    let (Some(range), Some(pathology)) = (&measure.range, code.shows()) else {
        return measure;
    };
    let high = range.high.unwrap_or(0.0);
    let outside = range.outside_high.unwrap_or(f64::INFINITY);
    let sides = [LungSide::Right, LungSide::Left];
    for ((regions, volume_ml), side) in filling.0.iter().zip(by_side).zip(sides) {
        if volume_ml > high
            && let Some(largest) = regions.first()
        {
            let own_center = largest.center()[2];
            let mut found = finding(pathology, grid, own_center, largest, extent, volume_ml > outside);
            found.volume_ml = volume_ml;
            found.side = side;
            findings.push(SegmentedFinding {
                finding: found,
                mask: mask_of(grid, regions),
            });
        }
    }
    measure
}

/// The heart's width by that of the chest. Fluid and what else hides the heart's border leaves it unmeasured.
fn cardiothoracic_ratio(
    grid: &Grid,
    is_lung: &Array3<bool>,
    thorax: &Thorax,
    spine: Option<&Spine>,
    fluid: Result<&BySide, NotMeasurable>,
) -> Measure {
    let code = MeasureCode::CardiothoracicRatio;
    let fluid = match fluid {
        Ok(fluid) => fluid,
        Err(why) => return cannot(code, why),
    };
    let Some(spine) = spine else {
        return cannot(code, NotMeasurable::NoRibs);
    };
    let most_fluid_ml = fluid.millilitres().into_iter().fold(0.0, f64::max);
    let (range, _, _) = range_of(MeasureCode::PleuralFluid);
    if range.is_none_or(|range| range.state_of(most_fluid_ml) == MeasureState::Outside) {
        return cannot(code, NotMeasurable::Obscured);
    }
    match heart_width(grid, is_lung, thorax, spine) {
        Ok(width) => measured(code, width.heart_mm / width.chest_mm, None),
        Err(why) => cannot(code, why),
    }
}

/// Contrast makes bone denser: what was published was measured without. The value stays.
fn trabecular_density(grid: &Grid, spine: Option<&Spine>, has_contrast: bool) -> Measure {
    let code = MeasureCode::TrabecularDensity;
    let Some(value) = spine.and_then(|spine| trabecular_hu(spine, grid)) else {
        return cannot(code, NotMeasurable::TooSmall);
    };
    let measure = measured(code, value, None);
    if has_contrast {
        Measure {
            state: MeasureState::NotMeasurable,
            why: Some(NotMeasurable::Contrast),
            ..measure
        }
    } else {
        measure
    }
}

/// Blood with contrast hides calcium.
fn aortic_calcium(grid: &Grid, spine: Option<&Spine>, blood: Option<f64>) -> Measure {
    let code = MeasureCode::AorticCalcium;
    match (spine, blood) {
        (_, Some(blood)) if blood >= CONTRAST_HU => cannot(code, NotMeasurable::Contrast),
        (Some(spine), Some(blood)) => match Aorta::find(grid, spine, blood) {
            Some(aorta) => measured(code, aorta.calcium_ml(grid), None),
            None => cannot(code, NotMeasurable::Obscured),
        },
        _ => cannot(code, NotMeasurable::TooSmall),
    }
}

/// The value stays: it is a measure, but not of what its name says.
fn not_what_it_seems(code: MeasureCode, filling: &BySide, why: NotMeasurable) -> Measure {
    let by_side = filling.millilitres();
    Measure {
        state: MeasureState::NotMeasurable,
        why: Some(why),
        ..measured(code, by_side[0].max(by_side[1]), Some(by_side))
    }
}

fn finding(
    pathology: PathologyType,
    grid: &Grid,
    center: f64,
    region: &Region,
    extent: [usize; 2],
    decides: bool,
) -> MeasuredFinding {
    let [z, _, x] = region.center();
    MeasuredFinding {
        pathology,
        side: if grid.is_right(x, center) {
            LungSide::Right
        } else {
            LungSide::Left
        },
        third: LungThird::of_slice(z, extent),
        volume_ml: region.millilitres(),
        mean_hu: region.mean(&grid.hounsfield),
        region: grid.source_box(region.low, region.high),
        key_slice: grid.source_slice(region.largest_slice() as f64),
        decides,
        nodule: None,
    }
}
