/** One line of Prometheus' text format. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;

const unescape = (text: string): string => text.replace(/\\(.)/g, (_whole, letter: string) => (letter === 'n' ? '\n' : letter));

export function parseMetrics(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const match = line.startsWith('#') ? null : LINE.exec(line);
    const value = Number(match?.[3]);
    if (!match?.[1] || !Number.isFinite(value)) {
      return [];
    }
    const labels = Object.fromEntries(
      [...(match[2] ?? '').matchAll(LABEL)].map(([, name, label]) => [name ?? '', unescape(label ?? '')]),
    );
    return [{ name: match[1], labels, value }];
  });
}

/** The sum of the samples of a name whose labels are those given. */
export function total(samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number | null {
  const found = samples.filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  );
  return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0);
}
