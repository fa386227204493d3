import { describe, expect, it } from 'vitest';

import type { VolumeGeometry } from '@/api/types';

import { CLEAR_BELOW, COLOUR_SCALES, lookupTable } from './colour-scales';
import { clampSlice, edgeLetters, orientationLetters, positionMm, stackIndex, voxelIndex } from './geometry';
import { resliceMaps } from './map-pictures';
import { greyLevel, presetOf, WINDOW_PRESETS } from './windows';

const geometry: VolumeGeometry = {
  shape: [10, 20, 30],
  spacing_mm: [2, 0.5, 0.25],
  origin_mm: [-100, -50, 10],
  direction: [
    [0, 0, 1],
    [0, 1, 0],
    [1, 0, 0],
  ],
};

describe('geometry', () => {
  it('places voxels as the domain crate does', () => {
    // The same case as `a_position_follows_the_axes` in crates/domain/src/geometry.rs.
    expect(positionMm(geometry, [1, 2, 4])).toEqual([-99, -49, 12]);
  });

  it('finds the voxel at a position again', () => {
    expect(voxelIndex(geometry, positionMm(geometry, [7, 3, 11]))).toEqual([7, 3, 11]);
  });

  it('shows the head first and maps back', () => {
    expect(stackIndex(geometry, 9)).toBe(0);
    expect(stackIndex(geometry, stackIndex(geometry, 4))).toBe(4);
    expect([clampSlice(geometry, -3), clampSlice(geometry, 99)]).toEqual([0, 9]);
  });
});

describe('orientation letters', () => {
  it('name the patient’s sides', () => {
    expect(orientationLetters([1, 0, 0])).toBe('L');
    expect(orientationLetters([0, -1, 0])).toBe('A');
    expect(orientationLetters([0.7, 0, 0.7])).toBe('LH');
  });

  it('put the patient’s left on the right of an axial picture seen from the feet', () => {
    expect(edgeLetters([0, -1, 0], [0, 0, -1])).toEqual({ top: 'A', right: 'L', bottom: 'P', left: 'R' });
  });
});

describe('windows', () => {
  it('follow the linear function of the standard', () => {
    // The same cases as in crates/domain/src/window.rs.
    const mediastinum = WINDOW_PRESETS.mediastinum;
    expect([-1000, 39.5, 239].map((value) => greyLevel(mediastinum, value))).toEqual([0, 128, 255]);
  });

  it('are named where they are a preset', () => {
    expect(presetOf({ center: -600, width: 1500 })).toBe('lung');
    expect(presetOf({ center: -601, width: 1500 })).toBeUndefined();
  });
});

describe('colour scales', () => {
  it('leave weak values clear and grow with the value', () => {
    for (const scale of COLOUR_SCALES) {
      const table = lookupTable(scale);
      expect(table[3]).toBe(0);
      expect(table[CLEAR_BELOW * 4 + 3]).toBe(0);
      expect(table[255 * 4 + 3]).toBe(255);
    }
    // The same cases as in services/gateway/src/pixels/colour_scale.rs.
    const inferno = lookupTable('inferno');
    expect([...inferno.slice(0, 4)]).toEqual([22, 11, 57, 0]);
    expect([...inferno.slice(400, 404)]).toEqual([144, 38, 95, 132]);
  });
});

describe('maps across the volume', () => {
  it('lie head first', () => {
    const map = new Uint8Array(20 * 30);
    map[5 * 30 + 7] = 200;
    const maps = new Map([[9, map]]);
    const coronal = resliceMaps(maps, geometry, 'coronal', 5);
    expect([coronal.width, coronal.height, coronal.values[7]]).toEqual([30, 10, 200]);
    const sagittal = resliceMaps(maps, geometry, 'sagittal', 7);
    expect([sagittal.width, sagittal.values[5]]).toEqual([20, 200]);
    expect(sagittal.values.reduce((sum, value) => sum + value, 0)).toBe(200);
  });
});
