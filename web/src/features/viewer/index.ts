import { lazy } from 'react';

export type { ViewerProps } from './components/Viewer';
export type { ScoreCurve, ViewerAnswer, ViewerBanner } from './components/viewer-state';
export type { ViewedVolume } from './imaging/viewed-volume';

const load = () => import('./components/Viewer');

/** The viewer with cornerstone: a chunk of its own. */
export const Viewer = lazy(load);

/** Fetches the viewer's chunk before it is needed. */
export function preloadViewer(): void {
  void load();
}
