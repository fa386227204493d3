import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import { beforeEach, expect, it } from 'vitest';

import type { Analysis } from '@/api/types';
import i18next from '@/i18n/i18n';

import { RunningState } from './StudyPending';

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
