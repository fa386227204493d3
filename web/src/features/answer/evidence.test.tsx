import { MantineProvider } from '@mantine/core';
import { render, screen, within } from '@testing-library/react';
import { expect, it } from 'vitest';

import type { Ground, Measure, MeasuredFinding, Report } from '@/api/types';
import i18next from '@/i18n/i18n';

import { Grounds, Measures } from './components/Evidence';
import { decidedByModels, openingSlice } from './reading';

const found: MeasuredFinding = {
  pathology: 'lung_opacity',
  side: 'left',
  third: 'lower',
  volume_ml: 53.2,
  mean_hu: -520,
  region: { z_min: 4, z_max: 9, y_min: 0, y_max: 3, x_min: 0, x_max: 3 },
  key_slice: 6,
  decides: true,
};
const nodule: MeasuredFinding = {
  ...found,
  pathology: 'lung_nodule',
  side: 'right',
  third: 'upper',
  key_slice: 15,
  decides: false,
  nodule: { diameter_mm: 7.6, density: 'part_solid', score: 0.7 },
};
const measure: Measure = {
  code: 'largest_opacity',
  unit: 'ml',
  value: 53.2,
  by_side: [0, 53.2],
  range: { high: 10, outside_high: 15, source: 'this project' },
  state: 'outside',
  decides: true,
};
const effusion: Measure = { ...measure, code: 'pleural_fluid', value: null, by_side: null, state: 'not_measurable', why: 'no_ribs' };
const score: Ground = { kind: 'score', probability: 0.8, threshold: 0.5 };

const report = (part: Partial<Report>): Report =>
  ({
    verdict: 'pathology',
    study: { geometry: { shape: [21, 8, 8] } },
    key_slices: [],
    measures: [measure, effusion],
    measured_findings: [found, nodule],
    coverage: [
      { pathology: 'lung_opacity', looked_for: 'both' },
      { pathology: 'pneumothorax', looked_for: 'not_looked_for' },
    ],
    grounds: [{ kind: 'finding', finding: found }],
    ...part,
  }) as unknown as Report;

async function show(shown: Report, language: string) {
  await i18next.changeLanguage(language);
  render(
    <MantineProvider>
      <Grounds report={shown} onSlice={null} />
      <Measures report={shown} onSlice={null} />
    </MantineProvider>,
  );
}

it.each([
  ['en', 'lung opacity, left lung, lower third, 53 ml Slice 15', 'part-solid nodule, right lung, upper third, 8 mm', 'not measurable: the ribs were not found', 'Not looked for: pneumothorax'],
  ['ru', 'уплотнение лёгкого, левое лёгкое, нижняя треть, 53 мл Срез 15', 'частично солидный узел, правое лёгкое, верхняя треть, 8 мм', 'не измеримо: рёбра вокруг лёгких не найдены', 'Не искали: пневмоторакс'],
])('what decided, what was found and what was not looked for stand there in words (%s)', async (language, ground, candidate, why, notSought) => {
  await show(report({}), language);
  expect(screen.getByTestId('grounds').textContent).toBe(ground);
  const findings = within(screen.getByTestId('measured-findings')).getAllByRole('listitem');
  expect(findings[1]?.textContent).toContain(candidate);
  expect(findings.map((item) => item.textContent.includes(i18next.t('evidence.toLookAt')))).toEqual([false, true]);
  expect(screen.getByTestId('measures').textContent).toContain(why);
  expect(screen.getByTestId('coverage').textContent).toContain(notSought);
});

it('a score that decided beside measures within their ranges says so', async () => {
  await show(report({ grounds: [score], measures: [{ ...measure, value: 3, state: 'within' }], measured_findings: [] }), 'en');
  expect(screen.getByTestId('grounds').textContent).toContain('Models: probability');
  expect(screen.getByTestId('grounds').textContent).toContain('within their ranges');
});

it('a report from before the measures shows none', async () => {
  await show(report({ grounds: undefined, measures: undefined, measured_findings: undefined, coverage: undefined }), 'en');
  expect(screen.queryByTestId('grounds')).toBeNull();
  expect(screen.queryByTestId('measures')).toBeNull();
});

it('the study opens at the component that decided, and the models are named only where their score did', () => {
  expect(openingSlice(report({}))).toBe(6);
  expect(decidedByModels(report({}))).toBe(false);
  expect(decidedByModels(report({ grounds: [{ kind: 'finding', finding: found }, score] }))).toBe(true);
  expect(decidedByModels(report({ grounds: undefined }))).toBe(true);
});
