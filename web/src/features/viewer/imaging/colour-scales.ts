import display from '@/api/display.json';

type Rgb = readonly [number, number, number];

export type ColourScale = keyof typeof display.colour_scales;

/** Anchor colours of each scale, low to high: the gateway's own, so that screen, pictures and print show the same. */
const ANCHORS = display.colour_scales as unknown as Record<ColourScale, readonly Rgb[]>;

export const COLOUR_SCALES = Object.keys(ANCHORS) as ColourScale[];

/** Map values below this stay clear, so that the picture under them is not tinted. */
export const CLEAR_BELOW = display.map_opacity.clear_below;

function colourAt(anchors: readonly Rgb[], fraction: number): Rgb {
  const place = fraction * (anchors.length - 1);
  const low = Math.min(anchors.length - 2, Math.floor(place));
  const from = anchors[low] ?? [0, 0, 0];
  const to = anchors[low + 1] ?? from;
  const mix = (channel: 0 | 1 | 2): number => Math.round(from[channel] + (to[channel] - from[channel]) * (place - low));
  return [mix(0), mix(1), mix(2)];
}

/** RGBA of each map value 0..=255; the alpha rises from `CLEAR_BELOW` so that weak answers look weak. */
export function lookupTable(scale: ColourScale): Uint8ClampedArray {
  const table = new Uint8ClampedArray(256 * 4);
  for (let value = 0; value < 256; value += 1) {
    const [red, green, blue] = colourAt(ANCHORS[scale], value / 255);
    const visible = Math.max(0, value - CLEAR_BELOW) / (255 - CLEAR_BELOW);
    table.set([red, green, blue, Math.round(255 * Math.min(1, display.map_opacity.gain * visible))], value * 4);
  }
  return table;
}

export function cssGradient(scale: ColourScale, direction: string): string {
  const stops = ANCHORS[scale].map((colour) => `rgb(${colour.join(' ')})`);
  return `linear-gradient(${direction}, ${stops.join(', ')})`;
}

/** Colours a map of `columns` × `rows` values. */
export function colourMap(values: Uint8Array, columns: number, rows: number, scale: ColourScale): ImageData {
  const table = new Uint32Array(lookupTable(scale).buffer);
  const picture = new ImageData(columns, rows);
  const pixels = new Uint32Array(picture.data.buffer);
  for (let place = 0; place < pixels.length; place += 1) {
    pixels[place] = table[values[place] ?? 0] ?? 0;
  }
  return picture;
}
