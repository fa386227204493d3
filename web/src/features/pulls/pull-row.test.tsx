import { MantineProvider } from '@mantine/core';
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it } from 'vitest';

import type { Pull } from '@/api/types';
import i18next from '@/i18n/i18n';

import { PullRow } from './components/PullRow';

const pull = (part: Partial<Pull>): Pull => ({
  id: '0190a1b2-0000-7000-8000-000000000000',
  source: 'archive',
  priors_of: null,
  state: 'failed',
  attempts: 5,
  asked_at: '2026-11-27T00:00:00Z',
  next_attempt_at: null,
  reason_code: 'instances_missing',
  peer_status: 'B000',
  studies: [
    { study_instance_uid: '1.2.3', is_here: true, instances: 30, failed: 0, reason_code: null, expected: 30 },
    { study_instance_uid: '1.2.4', is_here: false, instances: 7, failed: 1, reason_code: 'instances_missing', expected: 154 },
  ],
  created_at: '2026-11-27T00:00:00Z',
  updated_at: '2026-11-27T00:00:00Z',
  ended_at: '2026-11-27T00:00:00Z',
  ...part,
});

function told(part: Partial<Pull>): string | null {
  cleanup();
  render(
    <MantineProvider>
      <table>
        <tbody>
          <PullRow pull={pull(part)} stale={false} busy={false} onPullAgain={() => undefined} />
        </tbody>
      </table>
    </MantineProvider>,
  );
  return screen.getByRole('row').textContent;
}

beforeEach(() => i18next.changeLanguage('en'));
afterEach(cleanup);

it('says what came, why not all, and what to do', () => {
  const text = told({});
  expect(text).toContain('1 of 2 studies are here, 37 of 184 instances');
  expect(text).toContain('Not all of the study came');
  expect(text).toContain('instances_missing · B000');
  expect(screen.getByRole('button')).toBeTruthy();
});

it('has nothing to say of an error once everything is here', () => {
  const text = told({ state: 'done', priors_of: '0190a1b2-0000-7000-8000-00000000abcd' });
  expect(text).not.toContain('Not all');
  expect(text).toContain('earlier studies of the patient of study …00000000abcd');
});

it('offers nothing for one that waits', () => {
  told({ state: 'asked', ended_at: null, next_attempt_at: '2026-11-27T01:00:00Z' });
  expect(screen.queryByRole('button')).toBeNull();
});
