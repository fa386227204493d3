import { readFileSync } from 'node:fs';

import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { beforeEach, describe, expect, it } from 'vitest';

import type { Report } from '@/api/types';
import i18next from '@/i18n/i18n';

import { AnswerPanel, mapStages, openingSlice } from '.';
import { seriesWhy } from './series-choice';

const report = (part: Partial<Report>): Report => ({
  schema: 'norma.report/v1',
  analysis_id: 'a',
  scan_id: 's',
  verdict: 'pathology',
  reasons: [],
  probability_of_pathology: 0.8,
  anomaly_score: 0.7,
  operating_point: { name: 'youden', threshold: 0.5 },
  decided_by: 'classifier',
  study: null,
  quality: [],
  stages: [],
  findings: [],
  key_slices: [
    { slice: 4, score: 0.9, stage: 'anomaly' },
    { slice: 8, score: 0.6, stage: 'classifier' },
    { slice: 9, score: 0.95, stage: 'typing' },
  ],
  selected_slices: [1, 2],
  lung_extent: [2, 20],
  maps: [
    { stage: 'anomaly', href: '' },
    { stage: 'classifier', href: '' },
  ],
  bundle: { name: 'b', version: '1', sha256: '0'.repeat(64) },
  timings: { requested_at: '2026-11-23T12:00:00Z', finished_at: '2026-11-23T12:00:09Z', started_at: null, stage_duration_ms: [] },
  rows: [],
  summary: {},
  disclaimer: 'no device',
  ...part,
});

const study = {
  geometry: { shape: [21, 8, 8], spacing_mm: [2, 1, 1], origin_mm: [0, 0, 0], direction: [[0, 0, 1], [0, 1, 0], [1, 0, 0]] },
  series_choice: { reason: 'the only axial CT series', series_considered: 1 },
} as unknown as NonNullable<Report['study']>;

function show(shown: Report): string {
  const { container } = render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <MantineProvider>
        <AnswerPanel report={shown} onSlice={null} />
      </MantineProvider>
    </QueryClientProvider>,
  );
  return container.textContent;
}

beforeEach(async () => {
  await i18next.changeLanguage('en');
});

describe('the slice to open at', () => {
  it('is the best key slice of the part that decided', () => {
    expect(openingSlice(report({}))).toBe(8);
    expect(openingSlice(report({ decided_by: 'anomaly' }))).toBe(4);
  });

  it('is where the region is that the report names, whatever scores higher elsewhere', () => {
    const region = { z_min: 10, z_max: 14, y_min: 0, y_max: 3, x_min: 0, x_max: 3 };
    expect(openingSlice(report({ localization: region }))).toBe(12);
    expect(openingSlice(report({ localization: { ...region, z_min: 3 } }))).toBe(9);
  });

  it('is in the middle of the lungs where there is none', () => {
    expect(openingSlice(report({ key_slices: [] }))).toBe(11);
  });
});

it('the map of the part that decided comes first', () => {
  expect(mapStages(report({}))).toEqual(['classifier', 'anomaly']);
});

describe('the answer', () => {
  it('says pathology with its probability and where to look', () => {
    const text = show(report({ study }));
    // Slice 8 of 21 in the array is the thirteenth from the head.
    expect(screen.getByTestId('verdict-sentence').textContent).toContain('slice 13');
    expect(text).toContain('80');
  });

  it('says why it is norm only for norm', () => {
    expect(show(report({ verdict: 'norm', probability_of_pathology: 0.2 }))).toContain('Why norm');
    expect(show(report({ verdict: 'pathology' }))).not.toContain('Why norm');
  });

  it('a norm says that it is unverified where the threshold was not verified on the scanner', () => {
    const norm = { verdict: 'norm', probability_of_pathology: 0.1 } as const;
    const verification = (verified: boolean) => ({ threshold_verification: { verified, measured_on: [] } });
    expect(show(report({ ...norm, ...verification(false) }))).toContain('Norm, unverified');
    expect(show(report({ ...norm, ...verification(true) }))).not.toContain('unverified');
    expect(show(report(norm))).not.toContain('unverified');
  });

  it('undetermined shows the reason, what to do, and no sign of norm', () => {
    const text = show(
      report({
        verdict: 'undetermined',
        probability_of_pathology: null,
        reasons: [{ code: 'no_lungs', message: 'found 0 ml' }],
        stages: [{ outcome: 'failed', stage: 'classifier', reason: { code: 'stage_timeout', message: '' } }],
      }),
    );
    expect(text).toContain('No lungs were found');
    expect(text).toContain('What to do next');
    expect(text).toContain('This part gave no result');
    expect(text).toContain('No probability');
    expect(text).not.toMatch(/\bNorm\b/);
    expect(document.querySelector('[data-outcome=norm]')).toBeNull();
  });

  it('a pathology of which not all was seen says what was not', () => {
    const text = show(report({ limitations: [{ code: 'coverage_incomplete', message: 'the base is missing' }] }));
    expect(text).toContain('more may be there');
    expect(text).toContain('the base is missing');
    expect(show(report({}))).not.toContain('more may be there');
  });

  it('a probability close to the threshold is said to be so', () => {
    expect(show(report({ probability_of_pathology: 0.55 }))).toContain('close to the threshold');
  });
});

describe('why a series was read', () => {
  it('has words for every rule of the imaging crate', () => {
    const source = readFileSync('../crates/imaging/src/series_choice.rs', 'utf8');
    const rules = [...source.matchAll(/round\.keep\(\s*"([^"]+)"/g)].map(([, rule]) => rule ?? '');
    expect(rules.length).toBeGreaterThan(5);
    for (const rule of rules) {
      expect(seriesWhy(`axial CT, decided by the rule "${rule}": 154 slices over 308 mm, 2.00 mm thick`), rule).not.toBeNull();
    }
    expect(seriesWhy('the only axial CT series: 133 slices over 330 mm, 2.50 mm thick')).toBe('only');
    expect(seriesWhy('a rule of tomorrow')).toBeNull();
  });
});
