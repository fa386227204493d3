const RECORD_NUMBER = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** A record number as the gateway writes it; null where the text is none. */
export function recordNumber(text: string): string | null {
  const number = text.trim().toLowerCase();
  return RECORD_NUMBER.test(number) ? number : null;
}
