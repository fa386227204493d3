// The stand-in's drift, proposed thresholds and second bundle. Made up.
import { randomUUID } from 'node:crypto';

const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const sha = (seed) => seed.repeat(64).slice(0, 64);
const scanner = (manufacturer, model, kernel_family, slice_thickness = 'thin') => ({ manufacturer, model, kernel_family, slice_thickness, contrast_agent: false });
const FORCE = scanner('siemens', 'somatom force', 'BR40');
const REVOLUTION = scanner('ge', 'revolution ct', 'LUNG');
const INGENUITY = scanner('philips', 'ingenuity', 'YA', 'medium');

const steps = (values) => values.reduce((sums, value) => [...sums, Math.max(0, (sums.at(-1) ?? 0) + value)], []);
const bell = (middle) => Array.from({ length: 20 }, (_, bar) => Math.exp(-(((bar - middle) / 4) ** 2)) / 7);
const values = (quantity, drifted) => ({
  quantity, outcome: 'values', reference: 300, last: 100, reference_median: 0.31, last_median: drifted ? 0.44 : 0.32,
  population_stability_index: drifted ? 0.41 : 0.08, index_p_value: drifted ? 0.000_02 : 0.4, kolmogorov_smirnov: drifted ? 0.29 : 0.07,
  kolmogorov_smirnov_p_value: drifted ? 0.000_01 : 0.8, cumulative_sum: drifted ? 12.4 : 2.1, cumulative_sum_p_value: drifted ? 0.000_01 : 0.6, drifted,
  plot: {
    range: [0, 1], reference: bell(6), last: bell(drifted ? 9 : 6.4),
    upward: steps(Array.from({ length: 100 }, (_, at) => Math.sin(at * 1.7) - 0.5 + (drifted && at > 60 ? 0.9 : 0))), downward: steps(Array.from({ length: 100 }, (_, at) => -Math.sin(at * 1.7) - 0.5)),
  },
});
const share = (quantity, before, now, changedAt) => {
  const is = Array.from({ length: 100 }, (_, at) => (at * 37) % 100 < 100 * (at >= changedAt ? now : before));
  const so = is.filter(Boolean).length;
  const allowance = (rate) => Math.log(1 + 3 * rate) / Math.log(4);
  const upward = steps(is.map((one) => (one ? 1 : 0) - allowance(before)));
  const downward = steps(is.map((one) => (one ? 0 : 1) - allowance(1 - before)));
  const drifted = Math.max(...upward) > 7.2;
  return {
    quantity, outcome: 'share', reference: { successes: Math.round(300 * before), trials: 300 }, last: { successes: so, trials: 100 }, p_value: drifted ? 0.0021 : 0.7,
    cumulative_sum: Math.max(...upward, ...downward), cumulative_sum_p_value: drifted ? 0.000_03 : 0.6, drifted, share_plot: { upward, downward, upward_limit: 7.2, downward_limit: 3.9 },
  };
};
const tooFew = (quantity) => ({ quantity, outcome: 'too_few', needed: 50, reference: 0, last: 23 });
const drift = {
  looked_at: ago(12),
  report: {
    schema: 'norma.drift/v2', windows: { reference: 300, last: 100 }, bundle: { name: 'norma-first', version: '0.1.0', sha256: sha('ab') }, significance: 0.0005, cumulative_sum_limit: 9.4, without_scanner: 7,
    profiles: [
      { scanner: FORCE, studies: 412, quantities: [values('score', false), share('released', 0.3, 0.3, 100), share('undetermined', 0.08, 0.08, 100), share('failed_quality', 0.06, 0.55, 74), values('low_attenuation950', false)] },
      { scanner: REVOLUTION, studies: 530, quantities: [values('score', true), share('released', 0.34, 0.3, 100), share('undetermined', 0.05, 0.05, 100), share('failed_quality', 0.04, 0.04, 100)] },
      { scanner: INGENUITY, studies: 23, quantities: ['score', 'released', 'undetermined', 'failed_quality'].map(tooFew) },
    ],
  },
};

const SHOWN = { name: 'norma-first', version: '0.1.0', sha256: sha('ab') };
const SECOND = { name: 'norma-foundation', version: '0.2.0', sha256: sha('cd') };
const given = (bundle, verdict, probability, reasons = []) => ({ bundle, verdict, probability, operating_point: { name: 'youden', threshold: 0.53 }, reasons });
const differing = (studied, shown, shadow, minutes) => ({ scan_id: randomUUID(), analysis_id: randomUUID(), scanner: studied, shown: given(SHOWN, ...shown), shadow: given(SECOND, ...shadow), read_at: ago(minutes) });
const pair = (shown, shadow, studies) => ({ shown, shadow, studies });
const shadow = {
  schema: 'norma.shadow/v1', bundle: SECOND, since: ago(9000), seen_at: ago(0.2), problem: null, answered: 152, failed: 1, missed: 12, waiting: 3,
  comparisons: [
    {
      shown: SHOWN, shadow: SECOND, from: ago(8990), to: ago(4), agree: { successes: 139, trials: 150 }, agree_interval: [0.873, 0.963], median_probability_change: -0.021,
      verdicts: [pair('norm', 'norm', 61), pair('norm', 'pathology', 2), pair('pathology', 'norm', 6), pair('pathology', 'pathology', 70), pair('pathology', 'undetermined', 3), pair('undetermined', 'undetermined', 8)],
      profiles: [
        { scanner: REVOLUTION, agree: { successes: 60, trials: 69 }, verdicts: [pair('norm', 'norm', 30), pair('norm', 'pathology', 1), pair('pathology', 'norm', 5), pair('pathology', 'pathology', 30), pair('pathology', 'undetermined', 3)] },
        { scanner: FORCE, agree: { successes: 71, trials: 73 }, verdicts: [pair('norm', 'norm', 31), pair('norm', 'pathology', 1), pair('pathology', 'norm', 1), pair('pathology', 'pathology', 40)] },
        { scanner: null, agree: { successes: 8, trials: 8 }, verdicts: [pair('undetermined', 'undetermined', 8)] },
      ],
      differing: [
        differing(REVOLUTION, ['pathology', 0.61], ['norm', 0.22], 4), differing(FORCE, ['norm', 0.47], ['pathology', 0.71], 90),
        differing(REVOLUTION, ['pathology', 0.58], ['undetermined', null, ['inference_failed']], 300),
      ],
    },
  ],
};

const proposals = [
  {
    id: randomUUID(), state: 'open', acts: false, method: 'unlabelled', bundle_version: '0.1.0+site.2', created_at: ago(300), created_by: 'ops', decided_at: null, decided_by: null, comment: null,
    withdrawn_at: null, withdrawn_by: null, withdrawn_reason: null, thresholds: [{ scanner: FORCE, threshold: 0.0214, threshold_in_use: 0.53, changes: 41 }],
  },
];

/** Answers what belongs to the site; says false where it does not. */
export function answerSite(response, url, { sendJson, page }) {
  switch (url.pathname) {
    case '/api/drift':
      return sendJson(response, 200, drift);
    case '/api/shadow':
      return sendJson(response, 200, shadow);
    case '/api/threshold-proposals':
      return sendJson(response, 200, page(proposals, url));
    default:
      return false;
  }
}
