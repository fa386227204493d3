// Measures in Hounsfield units as a report holds them, made up.
import { NODULE } from './phantom.mjs';

const SOURCE = 'made up';
const LEARNT = ['lung_nodule', 'emphysema', 'atelectasis'];
const MEASURED = ['lung_nodule', 'lung_opacity', 'emphysema', 'pleural_effusion', 'pneumothorax', 'cardiomegaly', 'arterial_wall_calcification'];
const TYPES = [
  'arterial_wall_calcification', 'atelectasis', 'bronchiectasis', 'cardiomegaly', 'consolidation', 'coronary_artery_wall_calcification', 'emphysema', 'hiatal_hernia',
  'lung_nodule', 'lung_opacity', 'lymphadenopathy', 'mosaic_attenuation_pattern', 'peribronchial_thickening', 'pericardial_effusion', 'pleural_effusion',
  'pulmonary_fibrotic_sequela', 'pneumothorax',
];

const measure = (code, unit, value, range, state = 'within', other = {}) => ({
  code, unit, value, by_side: null, by_third: null, state, why: null, decides: false,
  range: range && { low: null, high: null, outside_low: null, outside_high: null, source: SOURCE, ...range }, ...other,
});

const region = { x_min: 330, x_max: 370, y_min: 222, y_max: 258, z_min: 84, z_max: 93 };
const found = (pathology, volume_ml, decides, other = {}) => ({ pathology, side: 'left', third: 'middle', volume_ml, mean_hu: -40, region, key_slice: NODULE.z, decides, nodule: null, ...other });
const nodule = found('lung_nodule', 3.1, true, { nodule: { diameter_mm: 18.2, density: 'solid', score: 0.97 } });
const candidate = found('lung_nodule', 0.2, false, { side: 'right', third: 'upper', key_slice: 120, nodule: { diameter_mm: 7.3, density: 'part_solid', score: 0.61 } });

/** The fields of a report that the measures fill. */
export const measuresOf = (sick, probability, threshold) => ({
  measures: [
    measure('lung_volume', 'ml', 4210, { low: 2500, high: 8000 }),
    measure('smaller_lung_share', 'fraction', 0.46, { low: 0.4 }),
    measure('mean_density', 'HU', -834, { low: -900, high: -750 }),
    measure('low_attenuation950', 'fraction', 0.004, { high: 0.06, outside_high: 0.14 }, 'within', { decides: true }),
    measure('largest_opacity', 'ml', sick ? 12.4 : 3.1, { high: 10, outside_high: 15 }, sick ? 'borderline' : 'within', { decides: true }),
    measure('pleural_fluid', 'ml', null, { high: 15, outside_high: 50 }, 'not_measurable', { why: 'no_ribs', decides: true }),
    measure('pleural_gas', 'ml', 0, { high: 0, outside_high: 10 }, 'within', { decides: true, by_side: [0, 0] }),
    measure('blood_pool', 'HU', 41, null, 'described'),
    measure('cardiothoracic_ratio', 'fraction', 0.43, { high: 0.5, outside_high: 0.55 }),
    measure('trabecular_density', 'HU', 148, { low: 163.5, outside_low: 132.3 }, 'borderline'),
    measure('aortic_calcium', 'ml', 0.2, { high: 0, outside_high: 0.5 }, 'borderline'),
  ],
  measured_findings: sick ? [nodule, candidate] : [],
  coverage: TYPES.map((pathology) => {
    const [measured, learnt] = [MEASURED.includes(pathology), LEARNT.includes(pathology)];
    return { pathology, looked_for: measured && learnt ? 'both' : measured ? 'measured' : learnt ? 'learnt' : 'not_looked_for' };
  }),
  grounds: sick ? [{ kind: 'finding', finding: nodule }, { kind: 'score', probability, threshold }] : [],
});
