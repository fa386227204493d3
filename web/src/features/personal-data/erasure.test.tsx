import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen } from '@testing-library/react';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { ErasureStatement } from '@/api/types';
import i18next from '@/i18n/i18n';

import { Erasure } from './components/Erasure';
import { ErasureForm } from './components/ErasureForm';

const wire = vi.hoisted(() => {
  const answers: (() => Response)[] = [];
  const sent: string[] = [];
  vi.stubGlobal('fetch', (request: Request) => {
    sent.push(new URL(request.url).pathname);
    return Promise.resolve(answers.shift()?.());
  });
  return { answers, sent };
});

const PATIENT = '0190a1b2-0000-7000-8000-000000000000';
const SCANS = ['0190a1b2-0000-7000-8000-000000000001', '0190a1b2-0000-7000-8000-000000000002'];

const statement = (part: Partial<ErasureStatement> = {}): ErasureStatement => ({
  patient_id: PATIENT,
  erased_at: '2026-11-28T09:30:00Z',
  erased_by: 'night.shift',
  scans: SCANS,
  analyses: 3,
  size_bytes: 1_200_000,
  originals_sha256: 'a'.repeat(64),
  scans_with_files: 0,
  audit_sequence: 1234,
  audit_previous_hash: 'b'.repeat(64),
  audit_hash: 'c'.repeat(64),
  ...part,
});

const json = (status: number, body: object) => (): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });

function show(...answers: (() => Response)[]): void {
  wire.sent.length = 0;
  wire.answers.splice(0, wire.answers.length, ...answers);
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <MantineProvider>
        <Erasure patientId={PATIENT} />
      </MantineProvider>
    </QueryClientProvider>,
  );
}

beforeEach(() => i18next.changeLanguage('en'));

describe('the statement of an erasure', () => {
  it('says who deleted what, and its place in the trail', async () => {
    show(json(200, statement()));
    const text = (await screen.findByTestId('erasure')).textContent;
    for (const told of [PATIENT, 'night.shift', ...SCANS, '1.2\u00a0MB', 'a'.repeat(64), '1,234', 'b'.repeat(64), 'c'.repeat(64)]) {
      expect(text).toContain(told);
    }
    expect(text).toContain('All files are gone for good');
    expect(text).toContain('backups, what was sent to other systems');
    expect(screen.queryByRole('button', { name: 'Look again' })).toBeNull();
    expect(wire.sent).toEqual([`/api/patients/${PATIENT}/erasure`]);
  });

  it('does not say that all is gone while files are left, and looks again where it is asked to', async () => {
    show(json(200, statement({ scans_with_files: 2 })), json(200, statement()));
    const before = (await screen.findByTestId('erasure')).textContent;
    expect(before).toContain('The files of 2 studies are deleted a second time');
    expect(before).not.toContain('gone for good');
    fireEvent.click(screen.getByRole('button', { name: 'Look again' }));
    await screen.findByText(/All files are gone for good/);
  });

  it('says that there is none, and says it of nothing but that', async () => {
    show(json(404, { code: 'patient_not_found' }));
    expect(await screen.findByText('There is no statement for this number')).toBeTruthy();
  });

  it('takes no other failure for none', async () => {
    show(json(500, { code: 'internal' }));
    expect(await screen.findByRole('button', { name: 'Try again' })).toBeTruthy();
    expect(screen.queryByText('There is no statement for this number')).toBeNull();
  });

  it('counts in Russian as its grammar wants', async () => {
    await i18next.changeLanguage('ru');
    show(json(200, statement({ scans_with_files: 1 })));
    expect((await screen.findByTestId('erasure')).textContent).toContain('Файлы 1 исследования будут');
  });
});

describe('the form', () => {
  const ask = (text: string): string[] => {
    const asked: string[] = [];
    render(
      <MantineProvider>
        <ErasureForm patientId="" onAsk={(number) => asked.push(number)} />
      </MantineProvider>,
    );
    fireEvent.change(screen.getByLabelText('Record number in Norma'), { target: { value: text } });
    fireEvent.click(screen.getByRole('button', { name: 'Show the statement' }));
    return asked;
  };

  it('asks for a number as people paste it', () => {
    expect(ask(` ${PATIENT.toUpperCase()} `)).toEqual([PATIENT]);
  });

  it('asks for nothing that is no number, nor for a path', () => {
    expect(ask('../keys')).toEqual([]);
    expect(screen.getByText(/A record number has 32 digits/)).toBeTruthy();
  });
});
