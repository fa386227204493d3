import type { IdentityAttribute, KeySlice, SliceScore, Stage, VoxelBox } from '@/api/types';

import type { PointerTool } from '../cornerstone/tools';
import type { ColourScale } from '../imaging/colour-scales';
import type { WindowLevel } from '../imaging/windows';

/** Scores of a stage along the volume. */
export interface ScoreCurve {
  stage: Stage;
  scores: SliceScore[];
}

/** Who is looked at; shown over the picture unless hidden. */
export interface ViewerBanner {
  name: string;
  /** Patient ID, birth date, sex, accession number, time of the study. */
  lines: string[];
  /** In what the files name another patient. */
  conflicts: IdentityAttribute[];
}

/** What the report says about the volume that the viewer shows. */
export interface ViewerAnswer {
  curves: ScoreCurve[];
  keySlices: KeySlice[];
  lungExtent: [number, number] | null;
  mapStages: Stage[];
  localization: VoxelBox | null;
}

export type ViewerTool = PointerTool | 'crosshair';
export type ViewerLayout = 'stack' | 'planes';

export interface OverlayState {
  shown: boolean;
  stage: Stage | null;
  opacity: number;
  scale: ColourScale;
}

export interface ViewerState {
  layout: ViewerLayout;
  tool: ViewerTool;
  window: WindowLevel;
  overlay: OverlayState;
}
