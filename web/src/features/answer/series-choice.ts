/** Why a series was read, as words of ours: `answer.seriesWhy.{code}`. */
const WHYS = {
  'the only axial CT series': 'only',
  'the first of equal axial CT series': 'equal',
  'a NIfTI file holds one volume': 'nifti',
  'not labelled as another body part': 'body_part',
  'not a reformat': 'no_reformat',
  'one image in each place': 'one_phase',
  'in Hounsfield units': 'hounsfield',
  'most coverage': 'coverage',
  'slices of at most 5 mm': 'thin_enough',
  'thinnest slices': 'thinnest',
  'softest kernel': 'softest',
  'most slices': 'most_slices',
} as const;

export type SeriesWhy = (typeof WHYS)[keyof typeof WHYS];

/** What the report's sentence on the chosen series says; nothing where it is none that is known here. */
export function seriesWhy(reason: string): SeriesWhy | null {
  const rule = /decided by the rule "([^"]+)"/.exec(reason)?.[1] ?? reason.split(':')[0] ?? '';
  return rule in WHYS ? WHYS[rule as keyof typeof WHYS] : null;
}
