/**
 * What of a mass run outlives the page and the session: the numbers of its predictions, by user. They are random and
 * open nothing by themselves; names and answers are asked of the gateway again, which looks at who asks. Nothing of a
 * patient is kept, file names least of all: they often are a patient's.
 */
export interface RunMemory {
  predictions: string[];
  /** Archives that had been chosen and not been taken yet; the browser does not let a page keep files. */
  unsent: number;
}

const PREFIX = 'norma-mass-run:';
const LONGEST = 200;
const NOTHING: RunMemory = { predictions: [], unsent: 0 };

export function recallRun(userId: string): RunMemory {
  try {
    const kept = JSON.parse(window.localStorage.getItem(PREFIX + userId) ?? 'null') as Partial<RunMemory> | null;
    return {
      predictions: Array.isArray(kept?.predictions) ? kept.predictions.filter((id) => typeof id === 'string') : [],
      unsent: typeof kept?.unsent === 'number' ? kept.unsent : 0,
    };
  } catch {
    return NOTHING;
  }
}

function keep(userId: string, memory: RunMemory): void {
  try {
    if (memory.predictions.length === 0 && memory.unsent === 0) {
      window.localStorage.removeItem(PREFIX + userId);
    } else {
      window.localStorage.setItem(PREFIX + userId, JSON.stringify(memory));
    }
  } catch {
    // Without storage a reload forgets the table, not the studies.
  }
}

/** Another tab may have a run of its own: each adds and takes away only what it knows. */
export function noteInRun(userId: string, predictionId: string): void {
  const memory = recallRun(userId);
  if (!memory.predictions.includes(predictionId)) {
    keep(userId, { ...memory, predictions: [...memory.predictions, predictionId].slice(-LONGEST) });
  }
}

export function forgetInRun(userId: string, predictionIds: readonly string[]): void {
  const memory = recallRun(userId);
  keep(userId, { ...memory, predictions: memory.predictions.filter((id) => !predictionIds.includes(id)) });
}

export function noteUnsent(userId: string, unsent: number): void {
  const memory = recallRun(userId);
  if (memory.unsent !== unsent) {
    keep(userId, { ...memory, unsent });
  }
}
