import type { ViewedVolume } from '../imaging/viewed-volume';
import { loadImage } from './source';

/** Slices in the order in which a reader is likely to want them: outwards from where he is. */
export function outwardOrder(count: number, from: number): number[] {
  const order: number[] = [];
  for (let distance = 0; order.length < count; distance += 1) {
    if (from + distance < count) {
      order.push(from + distance);
    }
    if (distance > 0 && from - distance >= 0) {
      order.push(from - distance);
    }
  }
  return order;
}

const PARALLEL = 6;

/** Loads all slices of a study, nearest to the present one first; follows the reader as he scrolls. */
export class Prefetcher {
  readonly #wanted: Set<number>;
  #centre: number;
  #stopped = false;

  constructor(
    private readonly volume: ViewedVolume,
    from: number,
    private readonly onProgress: (loaded: number) => void,
  ) {
    this.#centre = from;
    this.#wanted = new Set(outwardOrder(volume.geometry.shape[0], from));
  }

  start(): void {
    for (let lane = 0; lane < PARALLEL; lane += 1) {
      void this.#run();
    }
  }

  moveTo(slice: number): void {
    this.#centre = slice;
  }

  stop(): void {
    this.#stopped = true;
  }

  #next(): number | undefined {
    let best: number | undefined;
    for (const slice of this.#wanted) {
      if (best === undefined || Math.abs(slice - this.#centre) < Math.abs(best - this.#centre)) {
        best = slice;
      }
    }
    if (best !== undefined) {
      this.#wanted.delete(best);
    }
    return best;
  }

  async #run(): Promise<void> {
    for (let slice = this.#next(); slice !== undefined && !this.#stopped; slice = this.#next()) {
      try {
        await loadImage(this.volume, slice);
      } catch {
        // The pane shows the error when the reader reaches the slice; it is asked for again then.
      }
      if (!this.#stopped) {
        this.onProgress(this.volume.geometry.shape[0] - this.#wanted.size);
      }
    }
  }
}
