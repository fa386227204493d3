import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen, within } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { GivenAnswer, Role, Session, ShadowReport, Verdict } from '@/api/types';
import i18next from '@/i18n/i18n';
import { SessionContext } from '@/session/session-context';

import { Shadow } from '.';

// The client keeps the fetch that there is when it is made.
const { answers } = vi.hoisted(() => {
  const answers: { shadow: unknown } = { shadow: null };
  globalThis.fetch = () => Promise.resolve(Response.json(answers.shadow));
  return { answers };
});

const BUNDLES = {
  first: { name: 'first', version: '1.0', sha256: 'a'.repeat(64) },
  second: { name: 'second', version: '2.0', sha256: 'b'.repeat(64) },
};

const given = (bundle: keyof typeof BUNDLES, verdict: Verdict, reasons: GivenAnswer['reasons'] = []): GivenAnswer => ({
  bundle: BUNDLES[bundle],
  verdict,
  probability: verdict === 'undetermined' ? null : 0.4,
  operating_point: { name: 'youden', threshold: 0.5 },
  reasons,
});

const EMPTY: ShadowReport = {
  schema: 'norma.shadow/v1',
  bundle: BUNDLES.second,
  since: '2026-11-20T00:00:00Z',
  seen_at: new Date().toISOString(),
  problem: null,
  answered: 0,
  failed: 0,
  missed: 0,
  waiting: 0,
  comparisons: [],
};

const shown = (report: ShadowReport, roles: Role[] = ['operator']): void => {
  answers.shadow = report;
  const session = { authentication: 'on', user: { id: '1', login: 'a', display_name: 'A', roles } } as unknown as Session;
  render(
    <MemoryRouter>
      <SessionContext value={session}>
        <QueryClientProvider client={new QueryClient()}>
          <MantineProvider>
            <Shadow />
          </MantineProvider>
        </QueryClientProvider>
      </SessionContext>
    </MemoryRouter>,
  );
};

beforeEach(() => i18next.changeLanguage('en'));
afterEach(cleanup);

it('tells how to have a second bundle where there is none', async () => {
  shown({ ...EMPTY, bundle: null, since: null, seen_at: null });
  expect(await screen.findByText(/analysis\.shadow\.bundle/)).toBeTruthy();
  expect(screen.queryByTestId('shadow-silent')).toBeNull();
});

it.each([
  ['that it does not read', { problem: 'a file is missing' }, 'shadow-problem', 'a file is missing'],
  ['that it fell silent', { seen_at: '2026-11-20T00:00:00Z' }, 'shadow-silent', 'has not been heard of'],
  ['what was missed', { missed: 4 }, 'shadow-counts', 'Missed: 4'],
  ['why studies could not be read', { failed: 5, failures: [{ reason: 'object_missing' as const, studies: 5 }] }, 'shadow-failure', 'Could not be read: 5.'],
  ['what this version cannot read', { answered: 9, unreadable: 2 }, 'shadow-unreadable', 'does not know: 2.'],
  ['what was analysed again', { answered: 9, repeated: 3 }, 'shadow-repeated', 'again since: 3.'],
  ['what is too old to be compared', { answered: 9, older: 4 }, 'shadow-older', 'compared here: 4.'],
])('tells %s', async (_, part, where, told) => {
  shown({ ...EMPTY, ...part });
  expect((await screen.findByTestId(where)).textContent).toContain(told);
});

it.each([
  ['names', ['operator'] as Role[], 'TH'],
  ['leads those who read studies to', ['operator', 'clinician'] as Role[], 'A'],
])('counts changes of verdict by scanner, and %s the studies', async (_, roles, tag) => {
  const verdicts = [
    { shown: 'norm' as const, shadow: 'norm' as const, studies: 3 },
    { shown: 'pathology' as const, shadow: 'undetermined' as const, studies: 1 },
  ];
  const agree = { successes: 3, trials: 4 };
  const report: ShadowReport = {
    ...EMPTY,
    answered: 4,
    comparisons: [
      {
        shown: BUNDLES.first,
        shadow: BUNDLES.second,
        from: '2026-11-20T00:00:00Z',
        to: '2026-11-21T00:00:00Z',
        agree,
        agree_interval: [0.2, 0.99],
        verdicts,
        median_probability_change: -0.02,
        profiles: [{ scanner: null, agree, verdicts }],
        differing: [
          {
            scan_id: '0190aaaa-0000-7000-8000-00000000abcd',
            analysis_id: '0190aaaa-0000-7000-8000-000000000001',
            scanner: null,
            shown: given('first', 'pathology'),
            shadow: given('second', 'undetermined', ['inference_failed']),
            read_at: '2026-11-21T00:00:00Z',
          },
        ],
      },
    ],
  };
  shown(report, roles);
  const table = await screen.findByTestId('shadow-table');
  const heads = within(table).getAllByRole('columnheader');
  // Agreement has a column; of the changes only those that there are.
  expect(heads.map((head) => head.textContent)).toEqual(['Scanner', 'Same verdict', 'Pathology → Undetermined']);
  expect(within(table).getAllByText('3 / 4')).toHaveLength(2);
  const study = within(screen.getByTestId('shadow-differing')).getByText('…00000000abcd');
  expect(study.tagName).toBe(tag);
});
