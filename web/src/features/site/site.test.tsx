import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
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

it.each([
  ['driftUnreadable', { unreadable: 2 }, '2 answers are in no comparison: another version'],
  [
    'otherBundle',
    { bundle: { name: 'first', version: '1.0', sha256: 'a' }, other_bundle: 7, other_models: 3 },
    'of first 1.0 alone, which gave the newest answer. 7 answers are of another bundle; of them 3 of other models',
  ],
  ['driftRepeated', { repeated: 1 }, '1 answer is in no comparison: a newer answer'],
])('counts what is in no comparison: %s', async (which, part, told) => {
  const report = { windows: { last: 100, reference: 300 }, significance: 0.01, without_scanner: 0, profiles: [], ...part };
  answers.of = () => ({ looked_at: '2026-11-27T00:00:00Z', report });
  shown(<Drift />);
  expect((await screen.findByTestId(`drift-${which}`)).textContent).toContain(told);
});

it('does not call the look of another version none', async () => {
  answers.of = () => ({ looked_at: '2026-11-27T00:00:00Z', report: null });
  shown(<Drift />);
  expect(await screen.findByText('The last look cannot be read')).toBeTruthy();
  expect(screen.queryByText('Nobody has looked yet')).toBeNull();
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

const listed = (all: ThresholdProposal[]): void => {
  answers.of = () => ({ items: all, total: all.length });
  shown(<Proposals />);
};

const accepted = { decided_at: '2026-11-27T10:00:00Z', decided_by: 'ann', comment: 'agreed' };

it('tells who accepted a proposal beside who took it back, and why', async () => {
  const back = { withdrawn_at: '2026-11-28T10:00:00Z', withdrawn_by: 'bob', withdrawn_reason: 'drift' };
  listed([proposal('back', { state: 'withdrawn', ...accepted, ...back })]);
  expect((await screen.findByTestId('decided-accepted')).textContent).toMatch(/^accepted .* by ann: agreed$/);
  expect(screen.getByTestId('decided-withdrawn').textContent).toMatch(/^taken back .* by bob: drift$/);
});

it.each([
  ['acts', proposal('acts', { state: 'accepted', acts: true, ...accepted }), 'accepted', 'In use'],
  ['was declined', proposal('no', { state: 'declined', ...accepted }), 'declined', 'Declined'],
])('tells of what %s who decided so', async (_, of, what, badge) => {
  listed([of]);
  expect((await screen.findByTestId(`decided-${what}`)).textContent).toContain('by ann: agreed');
  expect(screen.getByText(badge)).toBeTruthy();
  expect(screen.queryByTestId('decided-withdrawn')).toBeNull();
});

it.each([
  ['already_in_use', 'The thresholds that the studies allow are already in use'],
  ['no_bound', 'No scanner has a threshold with the bound that is asked for'],
])('tells why nothing is proposed: %s', async (why, told) => {
  answers.of = () => ({ items: [], total: 0, proposal: null, nothing_proposed: why, report: proposalReport(0.6) });
  shown(<Proposals />);
  fireEvent.click(await screen.findByTestId('propose-unlabelled'));
  expect((await screen.findByTestId('nothing-proposed')).textContent).toContain(told);
});

it('shows a proposal whose report cannot be read beside the others, and does not offer to accept it', async () => {
  listed([proposal('newer', { thresholds: null, method: null }), proposal('known', {})]);
  expect((await screen.findAllByTestId('proposal')).length).toBe(2);
  expect(screen.getByTestId('proposal-unreadable').textContent).toContain('cannot be read');
  expect(screen.getAllByTestId('proposal-decline').length).toBe(2);
  expect(screen.getAllByTestId('proposal-accept').length).toBe(1);
});
