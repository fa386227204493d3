import { ApiError, NETWORK_ERROR, problemFrom } from '@/api/errors';

import { csrfHeaders, noteStatus } from '@/session/session';

import { Cancelled } from './pack';

interface Sending {
  url: string;
  fields: Record<string, string>;
  file: Blob;
  fileName: string;
  headers?: Record<string, string>;
  onProgress: (sentBytes: number, totalBytes: number) => void;
  signal: AbortSignal;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Sends a form with a file. XMLHttpRequest, because fetch does not tell how many bytes have gone. */
export function sendForm<Body>({ url, fields, file, fileName, headers = {}, onProgress, signal }: Sending): Promise<Body> {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      form.append(name, value);
    }
    form.append('file', file, fileName);
    const request = new XMLHttpRequest();
    const abort = (): void => request.abort();
    request.open('POST', url);
    request.setRequestHeader('Accept', 'application/json');
    for (const [name, value] of Object.entries({ ...csrfHeaders(), ...headers })) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    request.onload = () => {
      const body = parse(request.responseText);
      if (request.status >= 200 && request.status < 300 && body !== null) {
        resolve(body as Body);
      } else {
        noteStatus(request.status);
        reject(problemFrom(request.status, body));
      }
    };
    request.onerror = () => reject(new ApiError(0, NETWORK_ERROR, url));
    request.onabort = () => reject(new Cancelled());
    request.onloadend = () => signal.removeEventListener('abort', abort);
    if (signal.aborted) {
      reject(new Cancelled());
      return;
    }
    signal.addEventListener('abort', abort);
    request.send(form);
  });
}
