import type { Stage } from '@/api/types';

import type { ViewedVolume } from '../imaging/viewed-volume';
import { fetchMap } from './pixels';

const MAX_MAPS = 400;

/** The maps of one study, fetched once each; the oldest leave when there are too many. */
export class MapCache {
  readonly #maps = new Map<string, Promise<Uint8Array | null>>();

  constructor(private readonly volume: ViewedVolume) {}

  get(stage: Stage, slice: number): Promise<Uint8Array | null> {
    const key = `${stage}/${slice}`;
    const known = this.#maps.get(key);
    if (known) {
      return known;
    }
    const map = fetchMap(this.volume, stage, slice);
    this.#maps.set(key, map);
    // A failed fetch is not remembered: the next look tries again.
    map.catch(() => this.#maps.delete(key));
    if (this.#maps.size > MAX_MAPS) {
      const oldest = this.#maps.keys().next().value;
      if (oldest !== undefined) {
        this.#maps.delete(oldest);
      }
    }
    return map;
  }
}
