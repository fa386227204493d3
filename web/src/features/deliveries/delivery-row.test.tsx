import { MantineProvider } from '@mantine/core';
import { cleanup, render, screen } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { afterEach, beforeEach, expect, it } from 'vitest';

import type { Delivery } from '@/api/types';
import i18next from '@/i18n/i18n';

import { DeliveryRow } from './components/DeliveryRow';

const object = (name: string, status?: string | null): Delivery['objects'][number] => ({
  name,
  sop_instance_uid: `2.25.${name.length.toString()}`,
  is_taken: status === undefined,
  reason_code: status === undefined ? null : status === null ? 'class_not_accepted' : 'refused_by_peer',
  peer_status: status ?? null,
});

const delivery = (part: Partial<Delivery>): Delivery => ({
  id: '0190a1b2-0000-7000-8000-000000000000',
  analysis_id: '0190a1b2-0000-7000-8000-000000000001',
  scan_id: '0190a1b2-0000-7000-8000-000000000002',
  destination: 'archive',
  state: 'failed',
  attempts: 1,
  queued_at: '2026-11-27T00:00:00Z',
  next_attempt_at: null,
  reason_code: 'refused_by_peer',
  peer_status: 'A900',
  objects: [],
  created_at: '2026-11-27T00:00:00Z',
  updated_at: '2026-11-27T00:00:00Z',
  ended_at: '2026-11-27T00:00:00Z',
  ...part,
});

function told(part: Partial<Delivery>): string | null {
  cleanup();
  render(
    <MantineProvider>
      <MemoryRouter>
        <table>
          <tbody>
            <DeliveryRow delivery={delivery(part)} leads={false} stale={false} busy={false} onSendAgain={() => undefined} />
          </tbody>
        </table>
      </MemoryRouter>
    </MantineProvider>,
  );
  return screen.queryByTestId('delivered-objects')?.textContent ?? null;
}

beforeEach(() => i18next.changeLanguage('en'));
afterEach(cleanup);

it('tells what a destination has and what it refused', async () => {
  const objects = [
    object('report'),
    object('key-slice-2'),
    object('segmentation-lungs', 'A900'),
    object('key-objects', null),
    object('key-slice-3', 'C000'),
  ];
  expect(told({ objects })).toBe(
    'It has 2 objects; refused: segmentation of the lungs (A900), selection of key images (class_not_accepted), picture of key slice 3 (C000)',
  );
  await i18next.changeLanguage('ru');
  expect(told({ objects })).toBe(
    'Принято 2 объекта; не приняты: сегментация лёгких (A900), выбор ключевых изображений (class_not_accepted), изображение ключевого среза 3 (C000)',
  );
});

it('says nothing of objects where there is nothing to say', () => {
  expect(told({})).toBeNull();
  expect(told({ state: 'delivered', objects: [object('report')] })).toBeNull();
  expect(told({ objects: [object('report')], reason_code: 'connection_lost', state: 'queued' })).toBe('It has 1 object');
  expect(told({ objects: [object('something-new', 'A900')] })).toBe('It has no object; refused: something-new (A900)');
});
