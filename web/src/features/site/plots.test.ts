import { describe, expect, it } from 'vitest';

import { histogramPath, sumsPath } from './plots';

describe('plots of drift', () => {
  it('draw a bar for each share, the tallest as high as the plot', () => {
    expect(histogramPath([0.5, 0.25], 0.5, 100, 40)).toBe('M0,40V0.0H50.0V20.0H100.0V40Z');
  });

  it('draw nothing above the ground where there is nothing', () => {
    expect(histogramPath([0, 0], 0, 100, 40)).toBe('M0,40V40.0H50.0V40.0H100.0V40Z');
  });

  it('begin a cumulative sum at 0', () => {
    expect(sumsPath([1, 4], 4, 100, 40)).toBe('M0.0,40.0L50.0,30.0L100.0,0.0');
  });
});
