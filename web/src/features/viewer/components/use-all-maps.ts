import { useEffect, useState } from 'react';

import type { Stage } from '@/api/types';

import type { MapCache } from '../api/map-cache';
import type { ViewedVolume } from '../imaging/viewed-volume';

const PARALLEL = 6;
const REDRAW_EVERY = 12;

/** All maps of a stage, filling in as they arrive; empty while no stage is asked for. */
export function useAllMaps(maps: MapCache, volume: ViewedVolume, stage: Stage | null): ReadonlyMap<number, Uint8Array> {
  const [loaded, setLoaded] = useState<ReadonlyMap<number, Uint8Array>>(new Map());

  useEffect(() => {
    const found = new Map<number, Uint8Array>();
    setLoaded(found);
    if (!stage) {
      return undefined;
    }
    let stopped = false;
    let next = 0;
    const run = async (): Promise<void> => {
      while (!stopped && next < volume.geometry.shape[0]) {
        const slice = next;
        next += 1;
        const map = await maps.get(stage, slice).catch(() => null);
        if (map) {
          found.set(slice, map);
        }
        if (!stopped && (found.size % REDRAW_EVERY === 0 || next === volume.geometry.shape[0])) {
          setLoaded(new Map(found));
        }
      }
    };
    void Promise.all(Array.from({ length: PARALLEL }, run)).then(() => {
      if (!stopped) {
        setLoaded(new Map(found));
      }
    });
    return () => {
      stopped = true;
    };
  }, [maps, volume, stage]);

  return loaded;
}
