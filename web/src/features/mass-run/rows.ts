import type { AnalysisStatus, MassRunRow } from '@/api/types';

import type { RunArchive } from './api/run-store';

/** A line of the table: a study of an archive, or an archive of which no study is known yet. */
export interface RunLine {
  key: string;
  archive: RunArchive;
  path: string;
  scanId: string | null;
  status: AnalysisStatus | null;
  row: MassRunRow | null;
}

function linesOf(archive: RunArchive): RunLine[] {
  const { prediction } = archive;
  if (!prediction || (prediction.studies.length === 0 && prediction.rows.length === 0)) {
    return [{ key: String(archive.id), archive, path: archive.name, scanId: null, status: null, row: null }];
  }
  // Rows come in the order of the studies, each once its study has ended.
  const rows = [...prediction.rows];
  const lines = prediction.studies.map(({ path_to_study, scan_id, status }, place): RunLine => {
    const found = rows.findIndex((row) => row.path_to_study === path_to_study);
    const [row] = found >= 0 ? rows.splice(found, 1) : [];
    return {
      key: `${archive.id}-${place}`,
      archive,
      path: path_to_study,
      scanId: scan_id,
      status: status ?? null,
      row: row ?? null,
    };
  });
  const others = rows.map(
    (row, place): RunLine => ({ key: `${archive.id}-row-${place}`, archive, path: row.path_to_study, scanId: null, status: null, row }),
  );
  return [...lines, ...others];
}

export const runLines = (archives: readonly RunArchive[]): RunLine[] => archives.flatMap(linesOf);

export interface RunProgress {
  total: number;
  ended: number;
  failed: number;
  undetermined: number;
  pathology: number;
  norm: number;
  /** 0..=1, bytes and studies together. */
  fraction: number;
  leftMs: number | null;
}

const hasEnded = ({ row, archive }: RunLine): boolean => row !== null || archive.phase === 'refused' || archive.phase === 'cancelled';

/** The row of a study whose analysis ended without an answer that counts; the columns call it a failure, too. */
export const isUndetermined = ({ row, status }: RunLine): boolean => row?.processing_status === 'Failure' && status === 'completed';

const isFailed = (line: RunLine): boolean => {
  const { row, archive } = line;
  return row ? row.processing_status === 'Failure' && !isUndetermined(line) : archive.phase === 'refused' || archive.phase === 'cancelled';
};

/** What a study takes: at the pace of this page's archives, or, of a run that an earlier page began, as the rows say. */
function paceOf(ended: RunLine[], now: number): number | null {
  const own = ended.filter(({ row, archive }) => row !== null && archive.startedAt !== null);
  if (own.length > 0) {
    return (now - Math.min(...own.map(({ archive }) => archive.startedAt ?? now))) / own.length;
  }
  const rows = ended.flatMap(({ row }) => row ?? []);
  return rows.length > 0 ? (rows.reduce((sum, row) => sum + row.time_of_processing, 0) / rows.length) * 1000 : null;
}

/** How far the run is; the time left is that of the studies left at the pace so far. */
export function progressOf(lines: RunLine[], now: number): RunProgress {
  const ended = lines.filter(hasEnded);
  const left = lines.length - ended.length;
  const pace = paceOf(ended, now);
  return {
    total: lines.length,
    ended: ended.length,
    failed: lines.filter(isFailed).length,
    undetermined: lines.filter(isUndetermined).length,
    pathology: lines.filter(({ row }) => row?.pathology === 1).length,
    norm: lines.filter(({ row }) => row?.pathology === 0).length,
    fraction: lines.length === 0 ? 0 : ended.length / lines.length,
    leftMs: left === 0 ? 0 : pace === null ? null : pace * left,
  };
}
