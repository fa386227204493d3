import { describe, expect, it, vi } from 'vitest';

import { askVerification, isAsked, onAsked, settleVerification } from './verification';

describe('the question who it is', () => {
  it('is asked once for all that wait, and answered to each', async () => {
    const heard = vi.fn();
    const stop = onAsked(heard);
    expect(isAsked()).toBe(false);
    const both = [askVerification(), askVerification()];
    expect(isAsked()).toBe(true);
    settleVerification(true);
    expect(isAsked()).toBe(false);
    expect(await Promise.all(both)).toEqual([true, true]);
    const refused = askVerification();
    settleVerification(false);
    expect(await refused).toBe(false);
    expect(heard).toHaveBeenCalledTimes(5);
    stop();
    void askVerification();
    expect(heard).toHaveBeenCalledTimes(5);
    settleVerification(false);
  });
});
