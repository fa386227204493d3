import display from '@/api/display.json';

/** Window centre and width in Hounsfield units. */
export interface WindowLevel {
  center: number;
  width: number;
}

export type WindowPreset = keyof typeof display.windows;

/** The gateway's own, so that the page and its pictures show the same. */
export const WINDOW_PRESETS: Record<WindowPreset, WindowLevel> = display.windows;

export const WINDOW_PRESET_NAMES = Object.keys(WINDOW_PRESETS) as WindowPreset[];

/** Name of the preset that a window is, if it is one. */
export function presetOf(window: WindowLevel): WindowPreset | undefined {
  return WINDOW_PRESET_NAMES.find((name) => {
    const preset = WINDOW_PRESETS[name];
    return Math.round(window.center) === preset.center && Math.round(window.width) === preset.width;
  });
}

/** Grey level 0..=255 by the linear function of DICOM PS3.3 C.11.2.1.2.1. */
export function greyLevel({ center, width }: WindowLevel, hounsfield: number): number {
  if (width <= 1) {
    return hounsfield <= center - 0.5 ? 0 : 255;
  }
  const fraction = (hounsfield - (center - 0.5)) / (width - 1) + 0.5;
  return Math.round(Math.min(1, Math.max(0, fraction)) * 255);
}
