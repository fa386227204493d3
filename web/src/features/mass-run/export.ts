import type { MassRunRow } from '@/api/types';

import type { RunLine } from './rows';

/** The reference service's columns in their order, then ours; `MASS_RUN_COLUMNS` of the domain crate. */
export const COLUMNS = [
  'path_to_study',
  'study_uid',
  'series_uid',
  'probability_of_pathology',
  'pathology',
  'processing_status',
  'time_of_processing',
  'most_dangerous_pathology_type',
  'x_min',
  'x_max',
  'y_min',
  'y_max',
  'z_min',
  'z_max',
  'reason',
  'slice_count',
  'image_first',
  'image_last',
  'table_position_first_mm',
  'table_position_last_mm',
] as const satisfies (keyof MassRunRow)[];

type CellValue = string | number | null;

/** Spreadsheet programs run a cell that begins like a formula; a name from an upload must not. */
const withoutFormula = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

function cell(value: CellValue | undefined): CellValue {
  return typeof value === 'string' ? withoutFormula(value) : (value ?? null);
}

/** The row with its box counted as a viewer counts: from 1, and slices from the head; as `rows/table.rs` of the gateway. */
function forATable(row: MassRunRow): MassRunRow {
  const counted = (index?: number | null) => (index == null ? null : index + 1);
  const fromHead = (index?: number | null) => (index == null || row.slice_count == null ? counted(index) : row.slice_count - index);
  const isFromHead = row.slice_count != null;
  return {
    ...row,
    x_min: counted(row.x_min),
    x_max: counted(row.x_max),
    y_min: counted(row.y_min),
    y_max: counted(row.y_max),
    z_min: fromHead(isFromHead ? row.z_max : row.z_min),
    z_max: fromHead(isFromHead ? row.z_min : row.z_max),
  };
}

/** A row for each line that has ended; an archive that was refused is a failure with a reason, never a norm. */
export function exportRows(lines: RunLine[]): CellValue[][] {
  return lines.flatMap(({ archive, path, row }) => {
    if (row) {
      // The gateway's path begins with the archive's name.
      const counted = forATable(row);
      return [COLUMNS.map((column) => cell(counted[column]))];
    }
    if (archive.phase !== 'refused') {
      return [];
    }
    const failure: Partial<MassRunRow> = {
      path_to_study: path,
      processing_status: 'Failure',
      time_of_processing: 0,
      reason: archive.error ? `${archive.error.code}: ${archive.error.detail}` : 'internal',
    };
    return [COLUMNS.map((column) => cell(failure[column]))];
  });
}

const quoted = (value: CellValue): string => {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** RFC 4180. */
export const toCsv = (lines: RunLine[]): string =>
  [[...COLUMNS], ...exportRows(lines)].map((row) => row.map(quoted).join(',')).join('\r\n') + '\r\n';

export async function toXlsx(lines: RunLine[]): Promise<Blob> {
  const { default: write } = await import('write-excel-file/universal');
  const head = COLUMNS.map((value) => ({ value, fontWeight: 'bold' as const }));
  return write([head, ...exportRows(lines)], {
    columns: COLUMNS.map((name) => ({ width: name === 'path_to_study' || name === 'reason' ? 48 : 18 })),
    stickyRowsCount: 1,
  }).toBlob();
}
