import type { VolumeGeometry } from '@/api/types';

export type Vector3 = [number, number, number];

const dot = (a: Vector3, b: Vector3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

export const cross = (a: Vector3, b: Vector3): Vector3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

const AXES = [0, 1, 2] as const;

/** Patient coordinates (LPS, mm) of a voxel index `[z, y, x]`; the counterpart of `VolumeGeometry::position_mm`. */
export function positionMm(geometry: VolumeGeometry, index: Vector3): Vector3 {
  const position: Vector3 = [...geometry.origin_mm] as Vector3;
  for (const axis of AXES) {
    for (const coordinate of AXES) {
      position[coordinate] += index[axis] * geometry.spacing_mm[axis] * geometry.direction[axis][coordinate];
    }
  }
  return position;
}

/** The (fractional) voxel index `[z, y, x]` at patient coordinates; `direction` is orthonormal. */
export function voxelIndex(geometry: VolumeGeometry, position: Vector3): Vector3 {
  const offset: Vector3 = [
    position[0] - geometry.origin_mm[0],
    position[1] - geometry.origin_mm[1],
    position[2] - geometry.origin_mm[2],
  ];
  const along = (axis: 0 | 1 | 2): number => dot(offset, geometry.direction[axis]) / geometry.spacing_mm[axis];
  return [along(0), along(1), along(2)];
}

/**
 * The stack shows the head first, as readers scroll; the volume's slices ascend towards the head.
 * The same function maps back.
 */
export const stackIndex = (geometry: VolumeGeometry, slice: number): number => geometry.shape[0] - 1 - slice;

export const clampSlice = (geometry: VolumeGeometry, slice: number): number =>
  Math.min(geometry.shape[0] - 1, Math.max(0, Math.round(slice)));

/** Letter of a direction in LPS: L/R, P/A, H/F; a second letter where the direction is oblique. */
export function orientationLetters(direction: Vector3): string {
  const letters: [string, string][] = [
    ['L', 'R'],
    ['P', 'A'],
    ['H', 'F'],
  ];
  return AXES.map((axis) => ({
    size: Math.abs(direction[axis]),
    letter: letters[axis]?.[direction[axis] >= 0 ? 0 : 1] ?? '',
  }))
    .filter(({ size }) => size > 0.25)
    .sort((a, b) => b.size - a.size)
    .slice(0, 2)
    .map(({ letter }) => letter)
    .join('');
}

export interface EdgeLetters {
  top: string;
  right: string;
  bottom: string;
  left: string;
}

/** Letters at the edges of a picture whose upper side is `viewUp` and that is looked at against `viewPlaneNormal`. */
export function edgeLetters(viewUp: Vector3, viewPlaneNormal: Vector3): EdgeLetters {
  const right = cross(viewUp, viewPlaneNormal);
  const negated = (vector: Vector3): Vector3 => [-vector[0], -vector[1], -vector[2]];
  return {
    top: orientationLetters(viewUp),
    right: orientationLetters(right),
    bottom: orientationLetters(negated(viewUp)),
    left: orientationLetters(negated(right)),
  };
}
