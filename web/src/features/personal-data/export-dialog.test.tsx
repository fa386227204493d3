import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import i18next from '@/i18n/i18n';
import { isAsked, onAsked, settleVerification } from '@/session/verification';

import { ExportDialog } from './components/ExportDialog';

/** What is sent goes here: the client takes the browser's `fetch` when it is loaded. */
const wire = vi.hoisted(() => {
  const answers: (() => Response)[] = [];
  const sent: { method: string; path: string; signal: AbortSignal }[] = [];
  vi.stubGlobal('fetch', (request: Request) => {
    sent.push({ method: request.method, path: new URL(request.url).pathname, signal: request.signal });
    return Promise.resolve(answers.shift()?.());
  });
  return { answers, sent };
});

const saved = vi.hoisted(() => [] as { size: number; name: string }[]);
vi.mock('@/transfer/download', () => ({
  download: ({ size }: Blob, name: string) => {
    saved.push({ size, name });
  },
}));

const PATIENT = '0190a1b2-0000-7000-8000-000000000000';
const PIECE = new Uint8Array(1500);

/** An archive in two pieces; `ends` says what comes after them. */
const archive = (ends: (controller: ReadableStreamDefaultController<Uint8Array>) => void) => (): Response =>
  new Response(
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(PIECE);
        controller.enqueue(PIECE);
        ends(controller);
      },
    }),
    { headers: { 'Content-Type': 'application/zip' } },
  );
const whole = archive((controller) => controller.close());

function show(...answers: (() => Response)[]) {
  wire.sent.length = 0;
  saved.length = 0;
  wire.answers.splice(0, wire.answers.length, ...answers);
  return render(
    <QueryClientProvider client={new QueryClient()}>
      <MantineProvider>
        <ExportDialog patientId={PATIENT} onClose={() => undefined} />
      </MantineProvider>
    </QueryClientProvider>,
  );
}

const take = (name: string): boolean => fireEvent.click(screen.getByRole('button', { name }));

beforeEach(() => i18next.changeLanguage('en'));

describe('the export of a patient', () => {
  it('takes nothing before it was asked for, and says what the archive holds', () => {
    show(whole);
    expect(wire.sent).toEqual([]);
    expect(screen.getByText(/every study as it was sent/)).toBeTruthy();
    expect(screen.getByText(/names and images for everybody to read/)).toBeTruthy();
  });

  it('hands the whole archive over and says how large it is', async () => {
    show(whole);
    take('Export');
    expect((await screen.findByTestId('export-done')).textContent).toMatch(/saved: 3\skB/);
    expect(wire.sent).toMatchObject([{ method: 'POST', path: `/api/patients/${PATIENT}/export` }]);
    expect(saved).toEqual([{ size: 3000, name: `patient-${PATIENT}.zip` }]);
    expect(screen.queryByRole('button', { name: 'Export' })).toBeNull();
  });

  it('saves nothing of an archive that breaks off, and can be taken again', async () => {
    show(archive((controller) => controller.error(new TypeError('network error'))), whole);
    take('Export');
    expect((await screen.findByRole('alert')).textContent).toContain('The archive was not finished, and nothing was saved');
    expect(saved).toEqual([]);
    take('Export');
    await screen.findByTestId('export-done');
    expect(saved).toHaveLength(1);
  });

  it('asks for the password where the gateway wants it again', async () => {
    const refusal = (): Response => new Response(JSON.stringify({ code: 'verification_required' }), { status: 403, headers: { 'Content-Type': 'application/problem+json' } });
    show(refusal, whole);
    const stop = onAsked(() => {
      if (isAsked()) {
        stop();
        queueMicrotask(() => settleVerification(true));
      }
    });
    take('Export');
    await screen.findByTestId('export-done');
    expect(wire.sent.map(({ method }) => method)).toEqual(['POST', 'POST']);
    expect(saved).toHaveLength(1);
  });

  it('is let be when it is closed: nothing is saved', async () => {
    let end: (() => void) | undefined;
    const { unmount } = show(archive((controller) => (end = () => controller.close())));
    take('Export');
    await waitFor(() => expect(wire.sent).toHaveLength(1));
    await screen.findByTestId('export-running');
    unmount();
    expect(wire.sent[0]?.signal.aborted).toBe(true);
    end?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(saved).toEqual([]);
  });

  it('speaks Russian too', async () => {
    await i18next.changeLanguage('ru');
    show(whole);
    take('Выгрузить');
    expect((await screen.findByTestId('export-done')).textContent).toMatch(/Архив сохранён: 3\sкБ/);
  });
});
