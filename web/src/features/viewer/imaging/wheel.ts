/** Wheel distance of one slice where many small steps are sent, as by a trackpad. */
const SMOOTH_STEP = 40;
/** One notch of a mouse wheel in pixels: 100 or 120, as the browser has it; less is no notch. */
const LEAST_NOTCH = 80;
const NOTCHES = [120, 100];

export interface WheelSteps {
  /** Slices to go; positive towards the feet, as the wheel turns down. */
  steps: number;
  /** What is left for the next event. */
  rest: number;
}

/** Slices of one wheel event: a notch is one slice, whatever the browser calls it. */
export function wheelSteps({ deltaY, deltaMode }: Pick<WheelEvent, 'deltaY' | 'deltaMode'>, rest: number): WheelSteps {
  if (deltaY === 0) {
    return { steps: 0, rest };
  }
  if (deltaMode !== 0) {
    // Lines or pages: an event for each notch.
    return { steps: Math.sign(deltaY), rest: 0 };
  }
  const distance = Math.abs(deltaY);
  if (distance >= LEAST_NOTCH) {
    const notch = NOTCHES.find((size) => distance % size === 0) ?? 100;
    return { steps: Math.sign(deltaY) * Math.max(1, Math.round(distance / notch)), rest: 0 };
  }
  const gone = (Math.sign(rest) === Math.sign(deltaY) ? rest : 0) + deltaY;
  const steps = Math.trunc(gone / SMOOTH_STEP);
  return { steps, rest: gone - steps * SMOOTH_STEP };
}
