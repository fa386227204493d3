import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, render, screen } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { Feedback, StudyRow } from '@/api/types';
import i18next from '@/i18n/i18n';

import { StudiesTable } from './components/StudiesTable';

const study = (part: Partial<StudyRow>): StudyRow =>
  ({
    scan_id: 'a',
    status: 'completed',
    verdict: 'undetermined',
    probability_of_pathology: 0.98,
    threshold: 0.53,
    quality_flags: [],
    description: '',
    file_name: 'study.zip',
    uploaded_at: '2026-11-27T00:00:00Z',
    requested_at: '2026-11-27T00:00:00Z',
    waiting_since: null,
    repeat_of: null,
    contradictions: [],
    ...part,
  }) as StudyRow;

const shown = (part: Partial<StudyRow>): void => {
  render(
    <MantineProvider>
      <MemoryRouter>
        <StudiesTable studies={[study(part)]} onOpen={() => undefined} />
      </MemoryRouter>
    </MantineProvider>,
  );
};

beforeEach(() => i18next.changeLanguage('en'));
afterEach(cleanup);

it('marks as incomplete what is undetermined at or above the threshold, and nothing else', () => {
  const cases: [Partial<StudyRow>, boolean][] = [
    [{}, true],
    [{ probability_of_pathology: 0.53 }, true],
    [{ probability_of_pathology: 0.52 }, false],
    [{ probability_of_pathology: null }, false],
    [{ verdict: 'pathology' }, false],
    [{ status: 'analyzing' }, false],
  ];
  for (const [part, is] of cases) {
    shown(part);
    expect(screen.queryAllByTestId('row-incomplete').length, JSON.stringify(part)).toBe(is ? 1 : 0);
    cleanup();
  }
});

it('says since when a study waits, without a bar that claims progress', () => {
  const since = new Date();
  since.setHours(2, 14);
  shown({ status: 'queued', verdict: null, waiting_since: since.toISOString() });
  expect(screen.getByTestId('row-waiting').textContent).toBe('waits for a worker since 02:14');
  expect(screen.queryAllByRole('progressbar')).toHaveLength(0);
  cleanup();
  shown({ status: 'analyzing', verdict: null });
  expect(screen.queryAllByRole('progressbar')).toHaveLength(1);
});

it('says what repeats an analysis', () => {
  shown({ status: 'queued', verdict: null, repeat_of: 'b' });
  expect(screen.getByText(/read with different models/)).toBeTruthy();
});

it('scrolls to the row that somebody goes to, and not as it opens', () => {
  const scrolled = vi.fn();
  Element.prototype.scrollIntoView = scrolled;
  const table = (selected: number) => (
    <MantineProvider>
      <MemoryRouter>
        <StudiesTable studies={[study({}), study({ scan_id: 'b' })]} selected={selected} onOpen={() => undefined} />
      </MemoryRouter>
    </MantineProvider>
  );
  const { rerender } = render(table(0));
  expect(scrolled).not.toHaveBeenCalled();
  rerender(table(1));
  expect(scrolled).toHaveBeenCalledTimes(1);
});

it('tells each reader’s label against the verdict, in both languages', async () => {
  const word = (part: Partial<Feedback>): Feedback => ({ id: 'a', analysis_id: 'b', agree: false, created_at: '2026-11-27T00:00:00Z', ...part });
  const bundle = { models: [{ labels: [{ key: 'emphysema', name_en: 'Emphysema', name_ru: 'Эмфизема', threshold: 0.5 }] }] };
  const queries = new QueryClient();
  queries.setQueryData(['bundle'], bundle);
  const contradictions = [
    word({ label: 'emphysema', user: { name: 'Ann' } }),
    word({ id: 'b', label: 'norm' }),
    word({ id: 'c' }),
    word({ id: 'd', agree: true }),
    word({ id: 'e', label: 'of_an_older_bundle' }),
  ];
  render(
    <QueryClientProvider client={queries}>
      <MantineProvider>
        <MemoryRouter>
          <StudiesTable studies={[study({ contradictions })]} onOpen={() => undefined} />
        </MemoryRouter>
      </MantineProvider>
    </QueryClientProvider>,
  );
  const told = (): (string | null)[] => screen.getAllByTestId('row-contradiction').map(({ textContent }) => textContent);
  expect(told()).toEqual([
    'Reader: Emphysema',
    'Reader: Norm',
    'A reader disagrees',
    'A reader agreed with the opposite verdict',
    'Reader: of_an_older_bundle',
  ]);
  expect(screen.getAllByTestId('row-contradiction')[0]?.title).toContain('Ann');
  await act(() => i18next.changeLanguage('ru'));
  expect(told().slice(0, 3)).toEqual(['Врач: Эмфизема', 'Врач: Норма', 'Врач не согласен']);
});
