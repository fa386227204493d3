import { expect, it } from 'vitest';

import { parseMetrics, total } from './metrics';

const TEXT = `# HELP norma_queue_depth Messages that wait, by queue
# TYPE norma_queue_depth gauge
norma_queue_depth{queue="anomaly"} 3
norma_queue_depth{queue="dead_letters"} 0
norma_stage_outcomes_total{stage="typing",outcome="rejected",reason="a \\"quoted\\" one"} 2
norma_stage_outcomes_total{stage="typing",outcome="completed",reason=""} 5
norma_outbox_unpublished 1e1
norma_broken NaN
`;

it('reads names, labels and values, and sums what fits', () => {
  const samples = parseMetrics(TEXT);
  expect(samples).toHaveLength(5);
  expect(samples[2]?.labels).toEqual({ stage: 'typing', outcome: 'rejected', reason: 'a "quoted" one' });
  expect(total(samples, 'norma_queue_depth', { queue: 'anomaly' })).toBe(3);
  expect(total(samples, 'norma_stage_outcomes_total', { stage: 'typing' })).toBe(7);
  expect(total(samples, 'norma_outbox_unpublished')).toBe(10);
  expect(total(samples, 'norma_broken')).toBeNull();
});
