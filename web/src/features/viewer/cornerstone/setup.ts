import { cache, getConfiguration, init as initCore } from '@cornerstonejs/core';
import {
  addTool,
  annotation,
  EllipticalROITool,
  init as initTools,
  LengthTool,
  PanTool,
  StackScrollTool,
  WindowLevelTool,
  ZoomTool,
} from '@cornerstonejs/tools';

import { keepMeasurements } from './measurements';
import { PlaneCrosshairs } from './plane-crosshairs';
import { registerSource } from './source';

const CACHE_BYTES = 1_500_000_000;
/** What is measured must be read on bone and on air. */
const TEXT = 'rgb(255, 214, 10)';
const TEXT_GROUND = 'rgba(0, 0, 0, 0.72)';

let ready = false;

/** Starts cornerstone once for the page. */
export function setUpCornerstone(): void {
  if (ready) {
    return;
  }
  // An engine draws all its panes in its first context, unless it has several stacks; each more costs time.
  initCore({ ...getConfiguration(), rendering: { ...getConfiguration().rendering, webGlContextCount: 1 } });
  initTools();
  cache.setMaxCacheSize(CACHE_BYTES);
  registerSource();
  for (const tool of [PanTool, ZoomTool, WindowLevelTool, StackScrollTool, LengthTool, EllipticalROITool, PlaneCrosshairs]) {
    addTool(tool);
  }
  keepMeasurements();
  const style = annotation.config.style;
  style.setDefaultToolStyles({
    ...style.getDefaultToolStyles(),
    global: {
      ...style.getDefaultToolStyles().global,
      color: TEXT,
      colorHighlighted: 'rgb(130, 220, 255)',
      colorSelected: 'rgb(130, 220, 255)',
      textBoxColor: TEXT,
      textBoxColorHighlighted: TEXT,
      textBoxColorSelected: TEXT,
      textBoxBackground: TEXT_GROUND,
      textBoxFontFamily: 'Inter Variable, sans-serif',
      textBoxFontSize: '13px',
    },
  });
  ready = true;
}
