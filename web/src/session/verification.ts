/** An act that needs the password again waits here until it was given, or the reader let it be. */
type Listener = () => void;

let waiting: ((given: boolean) => void)[] = [];
const listeners = new Set<Listener>();

const tell = (): void => listeners.forEach((listener) => listener());

/** Asks who it is; several at once ask once. True where it was shown. */
export const askVerification = (): Promise<boolean> =>
  new Promise((resolve) => {
    waiting = [...waiting, resolve];
    tell();
  });

export function settleVerification(given: boolean): void {
  const settled = waiting;
  waiting = [];
  settled.forEach((resolve) => resolve(given));
  tell();
}

export const isAsked = (): boolean => waiting.length > 0;

export function onAsked(listener: Listener): Listener {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
