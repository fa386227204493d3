import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { ApiError } from '@/api/errors';
import type { MassRunRow, Prediction } from '@/api/types';

import type { RunArchive } from './api/run-store';
import { COLUMNS, toCsv, toXlsx } from './export';
import { progressOf, runLines } from './rows';

const row = (path: string, part: Partial<MassRunRow> = {}): MassRunRow => ({
  path_to_study: path,
  processing_status: 'Success',
  time_of_processing: 4,
  probability_of_pathology: 0.8,
  pathology: 1,
  ...part,
});
const failure = (path: string): MassRunRow =>
  row(path, { processing_status: 'Failure', probability_of_pathology: null, pathology: null, reason: 'no_lungs: none, "really"' });

const prediction = (rows: MassRunRow[], paths: string[]): Prediction => ({
  id: 'p',
  finished: rows.length === paths.length,
  pending: paths.length - rows.length,
  rows,
  summary: {},
  studies: paths.map((path, place) => ({ path_to_study: path, scan_id: `s${place}`, status: /broken/.test(path) ? 'failed' : 'completed' })),
  href: '',
  processing_status: 'Success',
});

const archive = (part: Partial<RunArchive>): RunArchive => ({
  id: 1,
  name: 'many.zip',
  phase: 'running',
  movedBytes: 0,
  totalBytes: 0,
  prediction: null,
  otherContent: 0,
  error: null,
  startedAt: 1000,
  ...part,
});

describe('lines', () => {
  it('belong to their own study, also where one ends before the one above it', () => {
    const lines = runLines([archive({ prediction: prediction([row('b')], ['a', 'b']) })]);
    expect(lines.map(({ path, row: own }) => [path, own?.path_to_study])).toEqual([
      ['a', undefined],
      ['b', 'b'],
    ]);
  });

  it('stand for the archive while no study is known', () => {
    expect(runLines([archive({ phase: 'sending' })])).toHaveLength(1);
  });
});

describe('progress', () => {
  it('counts failures apart from answers and tells the time left', () => {
    const paths = ['a', 'broken', 'half', 'd', 'e', 'f'];
    const lines = runLines([archive({ prediction: prediction([row('a'), failure('broken'), failure('half')], paths) })]);
    const progress = progressOf(lines, 7000);
    // What was read and found wanting is no failure that another try would mend.
    expect(progress).toMatchObject({ total: 6, ended: 3, failed: 1, undetermined: 1, pathology: 1, norm: 0, fraction: 0.5, leftMs: 6000 });
  });

  it('tells the time left of a run that an earlier page began by what its rows took', () => {
    const lines = runLines([archive({ startedAt: null, prediction: prediction([row('a'), row('b')], ['a', 'b', 'c']) })]);
    expect(progressOf(lines, 5000).leftMs).toBe(4000);
  });
});

describe('what is downloaded', () => {
  const lines = runLines([
    archive({ prediction: prediction([row('=cmd()'), failure('many.zip/b')], ['=cmd()', 'many.zip/b']) }),
    archive({ id: 2, name: 'bad.zip', phase: 'refused', error: new ApiError(422, 'encrypted_archive', 'it is') }),
  ]);

  it('has the columns of the domain crate in their order', () => {
    const source = readFileSync('../crates/domain/src/row.rs', 'utf8');
    const list = /MASS_RUN_COLUMNS[^=]*= \[([^\]]*)\]/.exec(source)?.[1] ?? '';
    expect([...list.matchAll(/"(\w+)"/g)].map(([, name]) => name)).toEqual([...COLUMNS]);
  });

  it('leaves probability and pathology of a failure empty', () => {
    const [head, answer, failed, refused] = toCsv(lines).trim().split('\r\n');
    expect(head).toBe(COLUMNS.join(','));
    expect(answer).toMatch(/^'=cmd\(\),,,0\.8,1,Success,4/);
    expect(failed).toMatch(/^many\.zip\/b,,,,,Failure,4,.*"no_lungs: none, ""really""",,,,,$/);
    expect(refused).toMatch(/^bad\.zip,,,,,Failure,0,.*encrypted_archive: it is,,,,,$/);
  });

  it('can be written as XLSX', async () => {
    const blob = await toXlsx(lines);
    expect(new Uint8Array(await blob.arrayBuffer()).slice(0, 2)).toEqual(new Uint8Array([0x50, 0x4b]));
  });
});
