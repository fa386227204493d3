import { MantineProvider } from '@mantine/core';
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it } from 'vitest';

import type { ArrivingStudy } from '@/api/types';
import i18next from '@/i18n/i18n';

import { ArrivalRow } from './components/ArrivalRow';

function told(part: Partial<ArrivingStudy>): string | null {
  cleanup();
  const study: ArrivingStudy = {
    study_instance_uid: '1.2.3',
    callers: ['CT1'],
    instances: 37,
    came: 37,
    expected: 154,
    counted_by: 'mpps',
    waits_for: 'instances',
    first_at: '2026-11-27T00:00:00Z',
    last_at: '2026-11-27T00:01:00Z',
    at_latest: '2026-11-27T00:30:00Z',
    ...part,
  };
  render(
    <MantineProvider>
      <table>
        <tbody>
          <ArrivalRow study={study} />
        </tbody>
      </table>
    </MantineProvider>,
  );
  return screen.getByRole('row').textContent;
}

beforeEach(() => i18next.changeLanguage('en'));
afterEach(cleanup);

it('says how much is here, of how much and by whom, and what is waited for', () => {
  const text = told({});
  expect(text).toContain('37 of 154');
  expect(text).toContain('MPPS');
  expect(text).toContain('instances that are missing');
  expect(text).toContain('then it is analysed as it is');
});

it('says how many came where nobody counts', () => {
  const text = told({ came: null, expected: null, counted_by: null, waits_for: 'quiet' });
  expect(text).toContain('37');
  expect(text).not.toContain('154');
  expect(text).toContain('quiet period');
});
