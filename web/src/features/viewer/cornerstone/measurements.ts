import { eventTarget } from '@cornerstonejs/core';
import { annotation, Enums, EllipticalROITool, LengthTool, type Types } from '@cornerstonejs/tools';

import { type ViewedVolume } from '../imaging/viewed-volume';
import { frameOfReference } from './source';

/** What readers measure with; everything else that the library calls an annotation is no measurement. */
const MEASURING = new Set([LengthTool.toolName, EllipticalROITool.toolName]);
const KEY = 'norma-measurements';

const isMeasurement = ({ metadata }: Types.Annotation): boolean => metadata !== undefined && MEASURING.has(metadata.toolName);

const keyOf = (frame: string): string => `${KEY}.${frame}`;

/** Typed arrays as plain ones, which JSON brings back; statistics are computed anew from the pixels. */
function plain(measured: Types.Annotation): string {
  return JSON.stringify({ ...measured, invalidated: true, data: { ...measured.data, cachedStats: {} } }, (_name, value: unknown) =>
    ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value,
  );
}

function keep(frame: string): void {
  const kept = annotation.state.getAllAnnotations().filter((each) => isMeasurement(each) && each.metadata?.FrameOfReferenceUID === frame);
  try {
    if (kept.length === 0) {
      window.sessionStorage.removeItem(keyOf(frame));
    } else {
      window.sessionStorage.setItem(keyOf(frame), `[${kept.map(plain).join(',')}]`);
    }
  } catch {
    // Without storage they last until the page is left.
  }
}

/** Keeps what is measured for as long as the tab lives, also over a reload. */
export function keepMeasurements(): void {
  const { ANNOTATION_COMPLETED, ANNOTATION_MODIFIED, ANNOTATION_REMOVED } = Enums.Events;
  for (const name of [ANNOTATION_COMPLETED, ANNOTATION_MODIFIED, ANNOTATION_REMOVED]) {
    eventTarget.addEventListener(name, (event: Event) => {
      const { annotation: changed } = (event as CustomEvent<{ annotation?: Types.Annotation }>).detail;
      const frame = changed?.metadata?.FrameOfReferenceUID;
      if (changed && frame && isMeasurement(changed)) {
        keep(frame);
      }
    });
  }
}

/** Brings back what was measured in a volume before the page was loaded. */
export function restoreMeasurements(volume: ViewedVolume): void {
  const frame = frameOfReference(volume);
  const known = new Set(annotation.state.getAllAnnotations().map(({ annotationUID }) => annotationUID));
  try {
    const stored = JSON.parse(window.sessionStorage.getItem(keyOf(frame)) ?? '[]') as Types.Annotation[];
    for (const measured of stored) {
      if (isMeasurement(measured) && !known.has(measured.annotationUID)) {
        annotation.state.addAnnotation(measured, frame);
      }
    }
  } catch {
    window.sessionStorage.removeItem(keyOf(frame));
  }
}

/** Takes away what was measured, and leaves the crosshair. */
export function clearMeasurements(): void {
  for (const each of annotation.state.getAllAnnotations()) {
    if (each.annotationUID && isMeasurement(each)) {
      annotation.state.removeAnnotation(each.annotationUID);
    }
  }
}
