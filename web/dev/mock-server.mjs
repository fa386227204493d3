// A stand-in for the gateway, for developing the page without it. Never shipped, never tested against.
//   node dev/mock-server.mjs [port]    serves dist/ and made-up studies
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { measuresOf } from './measures.mjs';
import { answerIdentity } from './mock-identity.mjs';
import { answerSite } from './mock-site.mjs';
import { GEOMETRY, NODULE, phantomMap, phantomSlice } from './phantom.mjs';

const PORT = Number(process.argv[2] ?? 8090);
const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const CSP =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; worker-src 'self' blob:; connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const STAGES = ['preprocess', 'anomaly', 'classifier', 'typing', 'report'];
const now = () => new Date().toISOString();
const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const sha = (seed) => seed.repeat(64).slice(0, 64);

const patients = [
  ['Анна', 'Петрова', 'Карта 10482, скрининг'],
  ['John', 'Carter', 'Follow-up after pneumonia'],
  ['Мария', 'Щербакова', ''],
  ['Emil', 'Åkesson', 'Ward 4'],
].map(([first_name, last_name, description], index) => ({
  id: randomUUID(),
  first_name,
  last_name,
  description,
  created_at: ago(4000 - index * 500),
  updated_at: ago(4000 - index * 500),
}));

const bundle = {
  name: 'norma-first',
  version: '0.1.0',
  sha256: sha('ab'),
  default_operating_point: 'youden',
  operating_points: [
    { name: 'f1', threshold: 0.47, sensitivity: { value: 0.84, ci95: [0.78, 0.89] }, specificity: { value: 0.7, ci95: [0.62, 0.77] } },
    { name: 'youden', threshold: 0.53, sensitivity: { value: 0.8, ci95: [0.74, 0.86] }, specificity: { value: 0.78, ci95: [0.7, 0.84] } },
    { name: 'sensitivity_95', threshold: 0.3, sensitivity: { value: 0.96, ci95: [0.92, 0.98] }, specificity: { value: 0.41, ci95: [0.33, 0.5] } },
  ],
  models: [
    { stage: 'anomaly', name: 'patch-memory', version: '0.1.0', sha256: sha('1a'), labels: [] },
    { stage: 'anomaly', name: 'autoencoder', version: '0.1.0', sha256: sha('2b'), labels: [] },
    { stage: 'classifier', name: 'classifier', version: '0.1.0', sha256: sha('3c'), labels: [] },
    { stage: 'typing', name: 'typing', version: '0.1.0', sha256: sha('4d'), labels: [] },
  ],
};

const check = (code, passed, measured, limit, unit, consequence = 'undetermined') => ({
  code, passed, measured, limit, unit, consequence, message: `${code} ${measured ?? ''} ${unit}`,
});
const FINDINGS = [
  ['lung_nodule', 'Lung nodule', 'Очаг в лёгком', 0.86],
  ['consolidation', 'Consolidation', 'Консолидация', 0.41],
  ['emphysema', 'Emphysema', 'Эмфизема', 0.22],
  ['pleural_effusion', 'Pleural effusion', 'Плевральный выпот', 0.12],
  ['atelectasis', 'Atelectasis', 'Ателектаз', 0.07],
];
const scans = [];

function curve(peak, base, width) {
  return Array.from({ length: 64 }, (_, index) => {
    const slice = 12 + index * 2;
    const bell = Math.exp(-(((slice - NODULE.z) / width) ** 2));
    return { slice, score: Math.min(1, base + 0.06 * Math.abs(Math.sin(slice / 5)) + (peak - base) * bell) };
  });
}

function reportOf(scan) {
  const { verdict, probability } = scan;
  const sick = verdict === 'pathology';
  const findings = FINDINGS.map(([label, name_en, name_ru, value]) => ({
    label, name_en, name_ru, probability: sick ? value : value * 0.3, present: sick && value > 0.5, key_slice: NODULE.z - (value > 0.5 ? 0 : 20),
  }));
  const stage = (name, score, models, slice_scores, has_map) => ({
    outcome: 'completed', stage: name, models, execution_provider: 'cpu', duration_ms: 830, score, slice_scores,
    components: [], findings: name === 'typing' ? findings : [], localization: null, has_map,
  });
  const model = (name, seed) => ({ name, version: '0.1.0', sha256: sha(seed) });
  const peak = sick ? 0.88 : 0.24;
  const box = { x_min: 330, x_max: 370, y_min: 222, y_max: 258, z_min: 84, z_max: 93 };
  const undetermined = verdict === 'undetermined';
  return {
    schema: 'norma.report/v1', analysis_id: scan.analysis_id, scan_id: scan.id, verdict,
    reasons: undetermined ? [{ code: 'coverage_incomplete', message: 'the lungs touch the last slice' }] : [],
    probability_of_pathology: probability, anomaly_score: sick ? 0.81 : 0.2,
    operating_point: { name: 'youden', threshold: 0.53 }, decided_by: sick ? 'anomaly' : 'classifier',
    study: {
      study_instance_uid: '1.2.826.0.1.3680043.8.498.1', series_instance_uid: '1.2.826.0.1.3680043.8.498.2', source_format: 'DICOM', modality: 'CT',
      manufacturer: 'SIEMENS', scanner_model: 'Phantom', convolution_kernel: 'B30f', study_date: scan.study_date, transfer_syntax_uid: '1.2.840.10008.1.2.1',
      slice_thickness_mm: 2, contrast_agent: false, geometry: GEOMETRY, series_choice: { reason: 'the only axial series', series_considered: 2, left_out: ['1.2.3 (localizer)'] },
    },
    quality: [
      check('not_ct', true, null, null, ''), check('no_lungs', true, 4210, 800, 'ml'), check('coverage_incomplete', !undetermined, undetermined ? 0.7 : 1, 0.95, 'fraction'),
      check('too_few_slices', true, 154, 40, 'slices'), check('slices_too_thick', true, 2, 5, 'mm'), check('slice_gap', true, 0, 1, 'slices'), check('gantry_tilt', true, 0, 1, 'degrees', 'note'),
    ],
    stages: [
      stage('anomaly', sick ? 0.81 : 0.2, [model('patch-memory', '1a'), model('autoencoder', '2b')], curve(peak, 0.1, 9), true),
      undetermined
        ? { outcome: 'failed', stage: 'classifier', reason: { code: 'stage_timeout', message: 'no answer in time' } }
        : stage('classifier', sick ? 0.72 : 0.21, [model('classifier', '3c')], curve(peak - 0.1, 0.16, 16), true),
      stage('typing', null, [model('typing', '4d')], curve(peak, 0.05, 6), false),
    ],
    findings, ...measuresOf(sick, probability, 0.53), localization: sick ? box : null, localization_mm: null,
    key_slices: sick
      ? [[88, 0.88, 'anomaly'], [90, 0.84, 'anomaly'], [86, 0.8, 'anomaly'], [84, 0.7, 'classifier'], [94, 0.66, 'classifier'], [88, 0.86, 'typing']].map(([slice, score, of]) => ({ slice, score, stage: of, sop_instance_uid: null }))
      : [[60, 0.2, 'anomaly'], [92, 0.19, 'classifier']].map(([slice, score, of]) => ({ slice, score, stage: of, sop_instance_uid: null })),
    selected_slices: Array.from({ length: 64 }, (_, index) => 12 + index * 2), lung_extent: [8, 145],
    maps: ['anomaly', ...(undetermined ? [] : ['classifier'])].map((name) => ({ stage: name, href: '' })),
    bundle: { name: bundle.name, version: bundle.version, sha256: bundle.sha256 },
    timings: { requested_at: scan.requested_at, started_at: scan.requested_at, finished_at: new Date(new Date(scan.requested_at).getTime() + 9400).toISOString(), stage_duration_ms: [['preprocess', 2300], ['anomaly', 2810], ['classifier', 2400], ['typing', 790]] },
    rows: [rowOf(scan)], summary: { has_pathology_any: undetermined ? null : sick }, disclaimer: 'Research use only. Not a medical device.',
  };
}

const rowOf = (scan) => ({
  path_to_study: scan.path ?? scan.file_name, study_uid: '1.2.826.0.1', series_uid: '1.2.826.0.2', time_of_processing: 9.4,
  ...(scan.status === 'failed' || scan.verdict === 'undetermined'
    ? { processing_status: 'Failure', probability_of_pathology: null, pathology: null, reason: 'no_lungs: no lungs were found', most_dangerous_pathology_type: null }
    : { processing_status: 'Success', probability_of_pathology: scan.probability, pathology: scan.verdict === 'pathology' ? 1 : 0, reason: null, most_dangerous_pathology_type: scan.verdict === 'pathology' ? 'lung_nodule' : null }),
  x_min: null, x_max: null, y_min: null, y_max: null, z_min: null, z_max: null,
});

const progress = (scan) => STAGES.map((stage, index) => ({
  stage, state: scan.status === 'completed' || index < scan.step ? 'completed' : scan.status === 'failed' ? (index === 0 ? 'failed' : 'skipped') : 'pending', duration_ms: index < scan.step ? 900 : null,
}));
const analysisOf = (scan) => ({
  id: scan.analysis_id, scan_id: scan.id, status: scan.status, operating_point: 'youden', bundle_version: '0.1.0', attempt: 1, requested_at: scan.requested_at, started_at: scan.requested_at,
  finished_at: null, updated_at: now(), failure: scan.failure, stages: progress(scan), verdict: scan.status === 'completed' ? scan.verdict : null, probability_of_pathology: null, ok: scan.status !== 'failed', has_pathology_any: null,
  links: { analysis: '', scan: '', report: '' },
});

function addScan({ patient = null, verdict = 'pathology', probability = 0.87, status = 'completed', minutes = 10, file_name = 'study.zip', failure = null, path = null }) {
  const scan = {
    id: randomUUID(), analysis_id: randomUUID(), patient_id: patient?.id ?? null, description: '', file_name, path, sha256: sha('ee'), size_bytes: 81_000_000, study_uid: null, series_uid: null,
    study_date: '20261103', slice_count: 154, created_at: ago(minutes), updated_at: ago(minutes), requested_at: ago(minutes), status, verdict, probability, failure, step: status === 'completed' ? 5 : 0,
  };
  scan.latest_analysis_id = scan.analysis_id;
  scans.push(scan);
  return scan;
}
addScan({ patient: patients[0], probability: 0.91, minutes: 12 });
addScan({ patient: patients[1], probability: 0.58, minutes: 45 });
addScan({ patient: patients[2], verdict: 'undetermined', probability: null, minutes: 30 });
addScan({ patient: patients[3], verdict: 'norm', probability: 0.18, minutes: 200 });
addScan({ verdict: 'norm', probability: 0.49, minutes: 3000, file_name: 'covid-ct-md_normal001.zip' });
addScan({ patient: patients[1], status: 'failed', verdict: null, probability: null, minutes: 90, failure: { code: 'no_chest_series', message: 'no axial chest series among 3' }, file_name: 'brain.zip' });
const running = addScan({ patient: patients[0], status: 'analyzing', verdict: null, probability: null, minutes: 1 });
running.step = 2;

const streams = new Set();
const feedback = new Map();
const predictions = new Map();
function announce(scan) {
  const event = { analysis_id: scan.analysis_id, scan_id: scan.id, status: scan.status, stages: progress(scan), verdict: scan.status === 'completed' ? scan.verdict : null, probability_of_pathology: null, failure_code: scan.failure?.code ?? null, updated_at: now() };
  for (const stream of streams) stream.write(`event: analysis\nid: ${Date.now()}\ndata: ${JSON.stringify(event)}\n\n`);
}
function analyze(scan, verdict = 'pathology') {
  Object.assign(scan, { status: 'preparing', step: 0, failure: null, requested_at: now() });
  const tick = () => {
    scan.step += 1;
    scan.status = scan.step >= 5 ? 'completed' : scan.step >= 1 ? 'analyzing' : 'preparing';
    if (scan.step >= 5) Object.assign(scan, { verdict, probability: verdict === 'pathology' ? 0.84 : 0.2 });
    announce(scan);
    if (scan.step < 5) setTimeout(tick, 900);
  };
  setTimeout(tick, 900);
}
const RANK = { pathology: 0, undetermined: 1, failed: 1, norm: 2 };
const studyRow = (scan) => {
  const patient = patients.find(({ id }) => id === scan.patient_id) ?? null;
  const done = scan.status === 'completed';
  return {
    scan_id: scan.id, analysis_id: scan.analysis_id, status: scan.status, verdict: done ? scan.verdict : null, probability_of_pathology: done ? scan.probability : null, threshold: 0.53, operating_point: 'youden',
    top_finding: done && scan.verdict === 'pathology' ? { label: 'lung_nodule', name_en: 'Lung nodule', name_ru: 'Очаг в лёгком', probability: 0.86 } : null, failure: scan.failure, patient,
    study_date: scan.study_date, study_uid: null, slices: done ? 154 : null, quality_flags: scan.verdict === 'undetermined' ? ['coverage_incomplete', 'contrast_agent'] : [], description: scan.description,
    file_name: scan.file_name, size_bytes: scan.size_bytes, uploaded_at: scan.created_at, requested_at: scan.requested_at, finished_at: null,
    waiting_since: scan.status === 'queued' ? scan.requested_at : null, repeat_of: null, contradictions: (feedback.get(scan.analysis_id) ?? []).filter(({ agree }) => !agree),
  };
};
const page = (items, url) => {
  const limit = Number(url.searchParams.get('limit') ?? 20);
  const offset = Number(url.searchParams.get('offset') ?? 0);
  return { items: items.slice(offset, offset + limit), total: items.length, limit, offset };
};
const predictionOf = ({ id, members }) => ({
  id, finished: members.every(({ status }) => status === 'completed' || status === 'failed'), pending: members.filter(({ status }) => status !== 'completed' && status !== 'failed').length,
  rows: members.filter(({ status }) => status === 'completed' || status === 'failed').map(rowOf), summary: { has_pathology_any: null },
  studies: members.map((scan) => ({ path_to_study: scan.path, scan_id: scan.id, analysis_id: scan.analysis_id, status: scan.status })), href: `/inference/predictions/${id}`,
});

const sliceCache = new Map();
const sendJson = (response, status, body) => response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Security-Policy': CSP }).end(JSON.stringify(body));
const problem = (response, status, code, more = {}) => sendJson(response, status, { type: `urn:norma:problem:${code}`, title: code, status, code, detail: code, ...more });
const gzipped = (response, bytes) => response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Encoding': 'gzip', 'Cache-Control': 'private, max-age=31536000, immutable' }).end(bytes);
const bodyOf = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
};
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
async function file(response, path) {
  const wanted = normalize(join(DIST, path));
  const inside = wanted.startsWith(DIST) && extname(wanted) ? wanted : join(DIST, 'index.html');
  const bytes = await readFile(inside).catch(() => readFile(join(DIST, 'index.html')));
  response.writeHead(200, { 'Content-Type': TYPES[extname(inside)] ?? 'text/html; charset=utf-8', 'Content-Security-Policy': CSP }).end(bytes);
}

function metrics() {
  const lines = STAGES.flatMap((stage, index) => {
    const ended = scans.filter(({ step }) => step > index).length;
    return [
      `norma_queue_depth{queue="${stage}"} ${scans.filter(({ status, step }) => status !== 'completed' && step === index).length}`,
      `norma_stage_in_flight{stage="${stage}"} ${scans.some(({ status, step }) => status === 'analyzing' && step === index) ? 1 : 0}`,
      `norma_stage_outcomes_total{stage="${stage}",outcome="completed"} ${ended}`,
      `norma_stage_compute_seconds_sum{stage="${stage}"} ${ended * 0.9}`,
      `norma_stage_compute_seconds_count{stage="${stage}"} ${ended}`,
      `norma_stage_queue_seconds_sum{stage="${stage}"} 0`,
      `norma_stage_queue_seconds_count{stage="${stage}"} ${ended}`,
    ];
  });
  return [...lines, 'norma_queue_depth{queue="dead_letters"} 0', 'norma_outbox_unpublished 0', ''].join('\n');
}

async function answer(request, response) {
  const url = new URL(request.url, 'http://mock');
  const path = url.pathname;
  const parts = path.split('/').filter(Boolean);
  if ((await answerIdentity(request, response, url, { sendJson, problem, page, bodyOf })) !== false) return;
  if (answerSite(response, url, { sendJson, page }) !== false) return;
  if (path === '/readyz') return sendJson(response, 200, { ready: true, dependencies: ['database', 'queue', 'objects', 'bundle', 'models of anomaly'].map((name) => ({ name, ready: true })) });
  if (path === '/metrics') return response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4', 'Content-Security-Policy': CSP }).end(metrics());
  if (path === '/healthz') return sendJson(response, 200, { status: 'ok', version: '0.1.0' });
  if (path === '/api/events') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }).write(': here\n\n');
    streams.add(response);
    request.on('close', () => streams.delete(response));
    return;
  }
  if (path === '/api/bundle') return sendJson(response, 200, bundle);
  if (path === '/api/studies') {
    const wanted = (name) => url.searchParams.get(name);
    const rows = scans.map(studyRow).filter((row) =>
      (wanted('tray') !== 'contradicted' || row.contradictions.length > 0) && (!wanted('tray') || (wanted('tray') === 'no_chest') === (row.failure?.code === 'no_chest_series')) && (!wanted('status') || row.status === wanted('status')) && (!wanted('verdict') || row.verdict === wanted('verdict')) && (!wanted('patient_id') || row.patient?.id === wanted('patient_id')) &&
      (!wanted('search') || `${row.patient?.first_name} ${row.patient?.last_name}`.toLowerCase().includes(wanted('search').toLowerCase())));
    rows.sort((a, b) => (RANK[a.verdict ?? a.status] ?? 3) - (RANK[b.verdict ?? b.status] ?? 3) || (b.probability_of_pathology ?? 0) - (a.probability_of_pathology ?? 0));
    return sendJson(response, 200, page(rows, url));
  }
  if (parts[1] === 'patients') {
    const patient = patients.find(({ id }) => id === parts[2]);
    if (!parts[2] && request.method === 'POST') {
      const created = { id: randomUUID(), description: '', ...JSON.parse(await bodyOf(request)), created_at: now(), updated_at: now() };
      patients.push(created);
      return sendJson(response, 201, created);
    }
    if (!parts[2]) return sendJson(response, 200, page(patients.filter((one) => `${one.first_name} ${one.last_name}`.toLowerCase().includes((url.searchParams.get('search') ?? '').toLowerCase())), url));
    if (!patient) return problem(response, 404, 'patient_not_found');
    if (request.method === 'PUT') Object.assign(patient, JSON.parse(await bodyOf(request)));
    if (request.method === 'DELETE') {
      patients.splice(patients.indexOf(patient), 1);
      return response.writeHead(204).end();
    }
    return sendJson(response, 200, patient);
  }
  if (parts[1] === 'analyses') {
    const scan = scans.find(({ analysis_id }) => analysis_id === parts[2]);
    if (!scan) return problem(response, 404, 'analysis_not_found');
    if (parts[3] === 'feedback') {
      const list = feedback.get(scan.analysis_id) ?? [];
      if (request.method === 'POST') {
        const given = { id: randomUUID(), analysis_id: scan.analysis_id, label: null, comment: null, user: null, ...JSON.parse(await bodyOf(request)), created_at: now() };
        feedback.set(scan.analysis_id, [...list, given]);
        return sendJson(response, 201, given);
      }
      return sendJson(response, 200, list);
    }
    return sendJson(response, 200, parts[3] === 'report' ? reportOf(scan) : analysisOf(scan));
  }
  if (path === '/api/scans' && request.method === 'POST') {
    const body = (await bodyOf(request)).toString('latin1');
    const fileName = /filename="([^"]*)"/.exec(body)?.[1] ?? 'upload.zip';
    if (/bad/i.test(fileName)) return problem(response, 422, 'several_studies');
    const patientId = /name="patient_id"\r\n\r\n([^\r]*)/.exec(body)?.[1];
    const scan = addScan({ patient: patients.find(({ id }) => id === patientId), status: 'queued', verdict: null, probability: null, minutes: 0, file_name: fileName });
    return sendJson(response, 201, scan);
  }
  if (parts[1] === 'scans') {
    const scan = scans.find(({ id }) => id === parts[2]);
    if (!scan) return problem(response, 404, 'scan_not_found');
    const sick = scan.verdict === 'pathology';
    if (parts[3] === 'analyze') {
      analyze(scan);
      return sendJson(response, 202, analysisOf(scan));
    }
    if (parts[3] === 'report') {
      if (scan.status === 'completed') return sendJson(response, 200, reportOf(scan));
      if (scan.status === 'failed') return problem(response, 422, 'analysis_failed', { analysis: analysisOf(scan), reason: scan.failure });
      return problem(response, 409, 'analysis_running', { analysis: analysisOf(scan) });
    }
    if (parts[3] === 'volume') {
      if (scan.status !== 'completed' && scan.status !== 'analyzing') return problem(response, 404, 'volume_not_prepared');
      const { study, quality, selected_slices, lung_extent } = reportOf({ ...scan, verdict: 'norm' });
      return sendJson(response, 200, { scan_id: scan.id, analysis_id: scan.analysis_id, study, slices: [], selected_slices, lung_extent, lung_volume_ml: 4210, quality, heatmaps: ['anomaly', 'classifier'], windows: [], pixel_format: 'int16le', slice_href: '', heatmap_href: '' });
    }
    if (parts[3] === 'slices') {
      const key = `${sick}/${parts[4]}`;
      if (!sliceCache.has(key)) sliceCache.set(key, gzipSync(Buffer.from(phantomSlice(parseInt(parts[4], 10), sick).buffer), { level: 1 }));
      return gzipped(response, sliceCache.get(key));
    }
    if (parts[3] === 'heatmaps') return gzipped(response, gzipSync(Buffer.from(phantomMap(parseInt(parts[5], 10), parts[4], sick)), { level: 1 }));
    if (request.method === 'DELETE') {
      scans.splice(scans.indexOf(scan), 1);
      return response.writeHead(204).end();
    }
    return sendJson(response, 200, scan);
  }
  if (path === '/inference/predict') {
    await bodyOf(request);
    const members = ['a', 'b', 'c'].map((name, index) => {
      const scan = addScan({ status: 'queued', verdict: null, probability: null, minutes: 0, path: `many.zip/${name}`, file_name: 'many.zip' });
      setTimeout(() => analyze(scan, index === 1 ? 'norm' : 'pathology'), index * 2500);
      return scan;
    });
    const prediction = { id: randomUUID(), members };
    predictions.set(prediction.id, prediction);
    return sendJson(response, 202, predictionOf(prediction));
  }
  if (parts[1] === 'predictions') {
    const prediction = predictions.get(parts[2]);
    return prediction ? sendJson(response, 200, predictionOf(prediction)) : problem(response, 404, 'prediction_not_found');
  }
  if (path.startsWith('/api') || path.startsWith('/inference')) return problem(response, 404, 'route_not_found');
  return file(response, path);
}

createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    problem(response, 500, 'internal');
  });
}).listen(PORT, '127.0.0.1', () => console.log(`mock gateway on http://127.0.0.1:${PORT}`));
