import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { Proposal } from '@/api/types';
import i18next from '@/i18n/i18n';

import { Drift } from '.';
import { ProposalReport } from './components/ProposalReport';

// The client keeps the fetch that there is when it is made.
const { answers } = vi.hoisted(() => {
  const answers: { of: (url: URL) => unknown } = { of: () => null };
  globalThis.fetch = (request) => Promise.resolve(Response.json(answers.of(new URL((request as Request).url))));
  return { answers };
});

const shown = (what: React.ReactNode, queries = new QueryClient()): HTMLElement =>
  render(
    <QueryClientProvider client={queries}>
      <MantineProvider>{what}</MantineProvider>
    </QueryClientProvider>,
  ).container;

beforeEach(() => i18next.changeLanguage('en'));
afterEach(cleanup);

const proposalReport = (maximal: number): Proposal =>
  ({ profiles: [], left_out: {}, undetermined: 0, without_scanner: 0, assumptions: ['prevalence'], maximal_prevalence: maximal }) as unknown as Proposal;

it('tells the prevalence that a proposal assumes', async () => {
  expect(shown(<ProposalReport report={proposalReport(0.35)} />).textContent).toContain('No more than 35\u00a0% of the studies');
  cleanup();
  await i18next.changeLanguage('ru');
  expect(shown(<ProposalReport report={proposalReport(0.6)} />).textContent).toContain('не больше 60\u00a0% (');
});

it('tells how many studies a comparison needs', async () => {
  const profile = {
    scanner: { manufacturer: 'ge', model: 'one', kernel_family: 'LUNG', slice_thickness: 'thin', contrast_agent: false },
    studies: 12,
    quantities: [{ quantity: 'score', outcome: 'too_few', needed: 70, reference: 5, last: 7 }],
  };
  const report = { windows: { last: 100, reference: 1000 }, significance: 0.01, without_scanner: 0, profiles: [profile] };
  answers.of = () => ({ looked_at: '2026-11-27T00:00:00Z', report });
  shown(<Drift />);
  expect((await screen.findByText(/one window/)).textContent).toContain('each needs 70.');
});
