import { Enums, eventTarget, RenderingEngine, type Types } from '@cornerstonejs/core';

import { setUpCornerstone } from './setup';
import { warmUpImageId } from './source';

const ID = 'stack-engine';
const WARM_UP = 'warm-up';
const SIDE = 64;

let engine: RenderingEngine | undefined;

eventTarget.addEventListener(Enums.Events.WEBGL_CONTEXT_LOST, (event: Event) => {
  const { renderingEngineId } = (event as CustomEvent<{ renderingEngineId: string }>).detail;
  if (renderingEngineId === ID) {
    // The stack that is open keeps what it has; the next one gets a new context.
    engine = undefined;
  }
});

/** One engine for all stacks, one after another: its WebGL context and its compiled shaders outlive a study. */
export function stackEngine(): RenderingEngine {
  setUpCornerstone();
  engine ??= new RenderingEngine(ID);
  return engine;
}

let warm = false;

/** Draws a small picture out of sight, so that the context stands and the shaders are compiled before a study is opened. */
export async function warmUpEngine(): Promise<void> {
  if (warm) {
    return;
  }
  warm = true;
  const own = stackEngine();
  const element = document.createElement('div');
  Object.assign(element.style, { position: 'fixed', left: '-1000px', width: `${SIDE}px`, height: `${SIDE}px` });
  element.setAttribute('aria-hidden', 'true');
  document.body.append(element);
  try {
    own.enableElement({ viewportId: WARM_UP, type: Enums.ViewportType.STACK, element });
    const drawn = new Promise((resolve) => element.addEventListener(Enums.Events.IMAGE_RENDERED, resolve, { once: true }));
    const viewport = own.getViewport<Types.IStackViewport>(WARM_UP);
    await viewport.setStack([warmUpImageId()]);
    viewport.render();
    await drawn;
  } finally {
    own.disableElement(WARM_UP);
    element.remove();
  }
}
