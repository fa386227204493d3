/** Window centre and width in Hounsfield units. */
export interface WindowLevel {
  center: number;
  width: number;
}

export const WINDOW_PRESETS = {
  lung: { center: -600, width: 1500 },
  mediastinum: { center: 40, width: 400 },
  bone: { center: 400, width: 1800 },
  soft: { center: 50, width: 250 },
} as const satisfies Record<string, WindowLevel>;

export type WindowPreset = keyof typeof WINDOW_PRESETS;

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
