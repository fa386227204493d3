import type { VolumeGeometry } from '@/api/types';

import { colourMap, type ColourScale } from './colour-scales';

/** A map's picture across the volume: z (head first) × rows for sagittal, z × columns for coronal. */
export function resliceMaps(
  maps: ReadonlyMap<number, Uint8Array>,
  geometry: VolumeGeometry,
  plane: 'sagittal' | 'coronal',
  index: number,
): { values: Uint8Array; width: number; height: number } {
  const [slices, rows, columns] = geometry.shape;
  const width = plane === 'sagittal' ? rows : columns;
  const values = new Uint8Array(slices * width);
  for (const [slice, map] of maps) {
    const line = (slices - 1 - slice) * width;
    if (plane === 'coronal') {
      values.set(map.subarray(index * columns, (index + 1) * columns), line);
    } else {
      for (let row = 0; row < rows; row += 1) {
        values[line + row] = map[row * columns + index] ?? 0;
      }
    }
  }
  return { values, width, height: slices };
}

/** The map as a picture to draw. */
export function paintMap(values: Uint8Array, width: number, height: number, scale: ColourScale): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  canvas.getContext('2d')?.putImageData(colourMap(values, width, height, scale), 0, 0);
  return canvas;
}
