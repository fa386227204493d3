import { lazy } from 'react';

import type { ViewedVolume } from './imaging/viewed-volume';

export type { ViewerProps } from './components/Viewer';
export type { ScoreCurve, ViewerAnswer, ViewerBanner } from './components/viewer-state';
export type { ViewedVolume } from './imaging/viewed-volume';

const load = () => import('./components/Viewer');

/** The viewer with cornerstone: a chunk of its own. */
export const Viewer = lazy(load);

/** Fetches the viewer's chunk and starts its library before a study is opened. */
export function preloadViewer(): void {
  load()
    .then(({ warmUp }) => warmUp())
    .catch(() => undefined);
}

/** Loads the slice that a study opens at, before it is opened. */
export function preloadSlice(volume: ViewedVolume, slice: number): void {
  load()
    .then(({ openSlice }) => openSlice(volume, slice))
    .catch(() => undefined);
}
