/** The study that a reader has moved the mark to, and the row that it stood in; none before he has moved it. */
export interface Mark {
  scanId: string | null;
  row: number;
}

/** The marked row: a study keeps the mark when live updates move its row; where it has gone, the row keeps it. */
export function markedRow(scanIds: readonly string[], { scanId, row }: Mark): number {
  const found = scanId === null ? -1 : scanIds.indexOf(scanId);
  return found >= 0 ? found : Math.max(0, Math.min(row, scanIds.length - 1));
}
