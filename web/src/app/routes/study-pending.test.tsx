import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { beforeEach, expect, it } from 'vitest';

import type { Analysis } from '@/api/types';
import i18next from '@/i18n/i18n';

import { PlaceInQueue, RunningState } from './StudyPending';

const analysis = (part: Partial<Analysis>): Analysis => ({ waiting_since: null, repeat_of: null, ...part }) as Analysis;

const shown = (part: Partial<Analysis>, isAtWork = false): string => {
  const { container } = render(
    <MantineProvider>
      <RunningState analysis={analysis(part)} isAtWork={isAtWork} />
    </MantineProvider>,
  );
  return container.textContent;
};

beforeEach(() => i18next.changeLanguage('en'));

it('says since when a study waits for a worker, and that this is no failure', () => {
  const today = new Date();
  today.setHours(2, 14);
  expect(shown({ waiting_since: today.toISOString() })).toContain('Waiting since 02:14');
  expect(screen.getByText(/It is no failure/)).toBeTruthy();
});

it('says that it runs while a worker is at work', () => {
  expect(shown({})).toContain('The analysis is running');
  expect(shown({ waiting_since: new Date().toISOString() }, true)).not.toContain('Waiting since');
});

it('says what a repeat is', () => {
  expect(shown({ repeat_of: 'a0' })).toContain('repeats an earlier analysis');
});

const place = (part: Partial<Analysis>): string => {
  const { container } = render(
    <QueryClientProvider client={new QueryClient()}>
      <MantineProvider>
        <PlaceInQueue analysis={analysis({ priority: 'routine', ...part })} />
      </MantineProvider>
    </QueryClientProvider>,
  );
  return container.textContent;
};

it('says how many go first and about how long that takes, where that is known', async () => {
  expect(place({ place: { ahead: 3, estimated_wait_seconds: 185 } })).toContain('3 analyses begin before it. It begins in about 3 min 5 s');
  expect(place({ place: { ahead: 0, estimated_wait_seconds: null } })).toContain('It is the next to begin.');
  expect(place({ place: null })).not.toContain('begin');
  await i18next.changeLanguage('ru');
  expect(place({ place: { ahead: 2, estimated_wait_seconds: null } })).toContain('Раньше него начнутся 2 анализа.');
});

it('offers the way to the front to what is not urgent', () => {
  const here = { ahead: 3, estimated_wait_seconds: null };
  expect(place({ place: here })).toContain('Make urgent');
  expect(place({ place: here, priority: 'urgent' })).not.toContain('Make urgent');
  expect(shown({ place: here, priority: 'urgent' })).toContain('Urgent');
});
