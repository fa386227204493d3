/** The units that a quality check may measure in; each has its words under `unit` in both languages. */
export const UNITS = ['mm', 'mm²', 'ml', 'slices', 'files', 'instances', 'degrees', 'years', 'fraction', 'percent', 'HU'] as const;
