import { cache, getConfiguration, init as initCore } from '@cornerstonejs/core';
import {
  addTool,
  annotation,
  CrosshairsTool,
  EllipticalROITool,
  init as initTools,
  LengthTool,
  PanTool,
  StackScrollTool,
  WindowLevelTool,
  ZoomTool,
} from '@cornerstonejs/tools';

import { registerSource } from './source';

const CACHE_BYTES = 1_500_000_000;
const PANES = 3;

let ready = false;

/** Starts cornerstone once for the page. */
export function setUpCornerstone(): void {
  if (ready) {
    return;
  }
  // One WebGL context for each pane there can be; each costs time before the first picture.
  initCore({ ...getConfiguration(), rendering: { ...getConfiguration().rendering, webGlContextCount: PANES } });
  initTools();
  cache.setMaxCacheSize(CACHE_BYTES);
  registerSource();
  for (const tool of [PanTool, ZoomTool, WindowLevelTool, StackScrollTool, LengthTool, EllipticalROITool, CrosshairsTool]) {
    addTool(tool);
  }
  const style = annotation.config.style;
  style.setDefaultToolStyles({
    ...style.getDefaultToolStyles(),
    global: {
      ...style.getDefaultToolStyles().global,
      color: 'rgb(255, 214, 10)',
      colorHighlighted: 'rgb(130, 220, 255)',
      colorSelected: 'rgb(130, 220, 255)',
      textBoxColor: 'rgb(255, 214, 10)',
      textBoxFontFamily: 'Inter Variable, sans-serif',
      textBoxFontSize: '13px',
    },
  });
  ready = true;
}
