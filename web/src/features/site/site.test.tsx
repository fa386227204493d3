import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { Proposal, ThresholdProposal } from '@/api/types';
import i18next from '@/i18n/i18n';

import { Drift, Proposals } from '.';
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

const proposal = (id: string, part: Partial<ThresholdProposal>): ThresholdProposal => ({
  id,
  state: 'open',
  acts: false,
  method: 'unlabelled',
  bundle_version: id,
  thresholds: [],
  created_at: '2026-11-27T00:00:00Z',
  created_by: 'a',
  ...part,
});

/** What is said of a restart, while `running` is loaded, on the first part of the list and on the second. */
async function told(running: string, all: ThresholdProposal[]): Promise<(string | undefined)[]> {
  answers.of = ({ pathname, searchParams: query }) => {
    if (pathname === '/api/bundle') {
      return { version: running };
    }
    const of = all.filter(({ state }) => !query.has('state') || state === query.get('state'));
    const [limit, offset] = [Number(query.get('limit')), Number(query.get('offset'))];
    return { items: of.slice(offset, offset + limit), total: of.length };
  };
  const queries = new QueryClient();
  shown(<Proposals />, queries);
  const notice = async (listed: number): Promise<string | undefined> => {
    await waitFor(() => {
      expect(screen.getAllByTestId('proposal')).toHaveLength(listed);
      expect(queries.isFetching()).toBe(0);
    });
    return screen.queryByTestId('restart-needed')?.textContent;
  };
  const first = await notice(10);
  fireEvent.click(screen.getByLabelText(i18next.t('common.nextPage')));
  const both = [first, await notice(all.length - 10)];
  cleanup();
  return both;
}

const newer = Array.from({ length: 9 }, (_, at) => proposal(`open-${at.toString()}`, {}));
const acts = proposal('new', { state: 'accepted', acts: true });
const replaced = proposal('old', { state: 'accepted' });
const back = proposal('back', { state: 'withdrawn' });
const declined = proposal('declined', { state: 'declined' });
const waits = 'Accepted thresholds wait: they act once the processes are started again (bundle new).';
const takenBack = 'The thresholds that run were taken back: what acted before acts once the processes are started again.';

it.each([
  ['nothing, where what acts runs', 'new', [...newer, acts, replaced], [undefined, undefined]],
  ['that one waits, where another was replaced by it', 'old', [...newer, acts, replaced], [waits, waits]],
  ['that one waits, where none runs', 'installed', [acts, ...newer, replaced], [waits, waits]],
  ['that one waits, where another was taken back', 'back', [back, ...newer, acts], [waits, waits]],
  ['that it was taken back, where it is seen and none acts', 'back', [back, ...newer, declined], [takenBack, undefined]],
  ['nothing, where what was taken back runs no longer', 'installed', [back, ...newer, declined], [undefined, undefined]],
])('says of a restart %s', async (_, running, all, said) => {
  expect(await told(running, all)).toEqual(said);
});
