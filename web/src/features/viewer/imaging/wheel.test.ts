import { expect, it } from 'vitest';

import { wheelSteps } from './wheel';

it('goes one slice for one notch, in whatever unit the browser tells it', () => {
  for (const event of [
    { deltaY: 100, deltaMode: 0 },
    { deltaY: 120, deltaMode: 0 },
    { deltaY: 114, deltaMode: 0 },
    { deltaY: 3, deltaMode: 1 },
    { deltaY: 1, deltaMode: 2 },
  ]) {
    expect(wheelSteps(event, 0)).toEqual({ steps: 1, rest: 0 });
    expect(wheelSteps({ ...event, deltaY: -event.deltaY }, 39).steps).toBe(-1);
  }
});

it('counts notches that the browser has put together', () => {
  expect(wheelSteps({ deltaY: 240, deltaMode: 0 }, 0).steps).toBe(2);
  expect(wheelSteps({ deltaY: -300, deltaMode: 0 }, 0).steps).toBe(-3);
});

it('adds up the small steps of a trackpad', () => {
  let rest = 0;
  let slices = 0;
  for (let event = 0; event < 40; event += 1) {
    const moved = wheelSteps({ deltaY: 4, deltaMode: 0 }, rest);
    slices += moved.steps;
    rest = moved.rest;
  }
  expect(slices).toBe(4);
  expect(wheelSteps({ deltaY: -4, deltaMode: 0 }, 36).rest).toBe(-4);
});
