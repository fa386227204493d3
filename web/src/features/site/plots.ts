/** The outline of a histogram: bars from left to right, the tallest of the plot as high as it. */
export function histogramPath(shares: readonly number[], tallest: number, width: number, height: number): string {
  const bar = width / Math.max(1, shares.length);
  const y = (share: number): string => (height - (tallest > 0 ? share / tallest : 0) * height).toFixed(1);
  const tops = shares.map((share, at) => `V${y(share)}H${((at + 1) * bar).toFixed(1)}`);
  return `M0,${height}${tops.join('')}V${height}Z`;
}

/** A cumulative sum from 0, after each study. */
export function sumsPath(sums: readonly number[], highest: number, width: number, height: number): string {
  const points = [0, ...sums].map((sum, at) => {
    const x = (at / Math.max(1, sums.length)) * width;
    return `${x.toFixed(1)},${(height - (highest > 0 ? sum / highest : 0) * height).toFixed(1)}`;
  });
  return `M${points.join('L')}`;
}
