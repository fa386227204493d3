import type { KeySlice, Report, Stage, StageReport } from '@/api/types';

export type CompletedStage = Extract<StageReport, { outcome: 'completed' }>;

export const completedStages = (report: Report): CompletedStage[] =>
  report.stages.filter((stage): stage is CompletedStage => stage.outcome === 'completed');

export const scoreOf = (report: Report, stage: Stage): number | null =>
  completedStages(report).find((result) => result.stage === stage)?.score ?? null;

/** Slices of the volume that was read. */
export const sliceCount = (report: Report): number => report.study?.geometry.shape[0] ?? 0;

const byScore = (a: KeySlice, b: KeySlice): number => b.score - a.score;

/** Whether the models' probability is among what a pathology rests on; reports from before the measures name no grounds. */
export const decidedByModels = (report: Report): boolean => {
  const grounds = report.grounds ?? [];
  return grounds.length === 0 || grounds.some(({ kind }) => kind === 'score');
};

/**
 * The slice to open at: where the first measured finding that decided is largest, else where the region is that the
 * report names (its highest key slice, else its middle), else the highest key slice of the part that decided, else of
 * either scoring part, else the middle of the lungs.
 */
export function openingSlice(report: Report): number {
  const measured = report.grounds?.find((ground) => ground.kind === 'finding');
  if (measured) {
    return measured.finding.key_slice;
  }
  const region = report.localization;
  if (region) {
    const within = report.key_slices.filter(({ slice }) => slice >= region.z_min && slice <= region.z_max).sort(byScore)[0];
    return within?.slice ?? Math.round((region.z_min + region.z_max) / 2);
  }
  const of = (stages: Stage[]): KeySlice | undefined =>
    report.key_slices.filter(({ stage }) => stages.includes(stage)).sort(byScore)[0];
  const key = (report.decided_by ? of([report.decided_by]) : undefined) ?? of(['anomaly', 'classifier']) ?? report.key_slices[0];
  if (key) {
    return key.slice;
  }
  const [low, high] = report.lung_extent ?? [];
  if (low !== undefined && high !== undefined) {
    return Math.round((low + high) / 2);
  }
  return Math.round(sliceCount(report) / 2);
}

/** How many of the validation's pathologic cases may be told apart by so small a distance: a reader should know. */
export const CLOSE_TO_THRESHOLD = 0.1;

export const isClose = (report: Report): boolean =>
  typeof report.probability_of_pathology === 'number' &&
  Math.abs(report.probability_of_pathology - report.operating_point.threshold) < CLOSE_TO_THRESHOLD;

/** Stages whose maps can be laid over the picture, the deciding one first. */
export function mapStages(report: Report): Stage[] {
  const stages = report.maps.map(({ stage }) => stage).filter((stage) => stage === 'anomaly' || stage === 'classifier');
  return stages.sort((a, b) => Number(b === report.decided_by) - Number(a === report.decided_by));
}

/** Key slices worth a picture: each slice once, the most suspicious first. */
export function keyPictures(report: Report): KeySlice[] {
  const seen = new Set<number>();
  return [...report.key_slices].sort(byScore).filter(({ slice }) => {
    const fresh = !seen.has(slice);
    seen.add(slice);
    return fresh;
  });
}
