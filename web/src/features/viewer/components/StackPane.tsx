import { useEffect, useImperativeHandle, useRef, useState, type Ref } from 'react';
import { useTranslation } from 'react-i18next';

import { asApiError, type ApiError } from '@/api/errors';
import type { VoxelBox } from '@/api/types';
import { numberFromHead } from '@/format/slice-number';
import { useSliceNames } from '@/slices/slice-names';

import type { MapCache } from '../api/map-cache';
import { Prefetcher } from '../cornerstone/prefetch';
import { StackView, type Corners } from '../cornerstone/stack-view';
import type { PointerTool } from '../cornerstone/tools';
import type { EdgeLetters } from '../imaging/geometry';
import { paintMap } from '../imaging/map-pictures';
import { clampSlice } from '../imaging/geometry';
import type { ViewedVolume } from '../imaging/viewed-volume';
import { wheelSteps } from '../imaging/wheel';
import type { WindowLevel } from '../imaging/windows';
import { clearOverlay, drawOverlay } from './overlay-canvas';
import { PaneError, PaneLetters, RegionBox } from './PaneMarks';
import type { OverlayState } from './viewer-state';
import classes from './viewer.module.css';

export interface PaneHandle {
  reset: () => void;
  clearMeasurements: () => void;
}

interface StackPaneProps {
  ref: Ref<PaneHandle>;
  volume: ViewedVolume;
  maps: MapCache;
  slice: number;
  onSlice: (slice: number) => void;
  window: WindowLevel;
  onWindow: (window: WindowLevel) => void;
  tool: PointerTool;
  overlay: OverlayState;
  /** The region that the report names; drawn on the slices that it reaches through. */
  box: VoxelBox | null;
  onLoaded: (slices: number) => void;
  onZoom: (zoom: number) => void;
  onFirstImage: () => void;
}

interface Rendered {
  slice: number;
  corners: Corners;
}

const MAPS_AHEAD = 3;

export function StackPane(props: StackPaneProps) {
  const { ref, volume, maps, slice, onSlice, window: level, onWindow, tool, overlay, box, onLoaded, onZoom, onFirstImage } = props;
  const { t } = useTranslation();
  const count = volume.geometry.shape[0];
  const names = useSliceNames(count);
  const element = useRef<HTMLDivElement>(null);
  const overlayCanvas = useRef<HTMLCanvasElement>(null);
  const view = useRef<StackView | null>(null);
  const prefetcher = useRef<Prefetcher | null>(null);
  const first = useRef({ slice, level });
  const callbacks = useRef({ onWindow, onLoaded, onZoom, onFirstImage });
  const [rendered, setRendered] = useState<Rendered | null>(null);
  const [letters, setLetters] = useState<EdgeLetters | null>(null);
  const [error, setError] = useState<ApiError | null>(null);

  useEffect(() => {
    callbacks.current = { onWindow, onLoaded, onZoom, onFirstImage };
  });

  useEffect(() => {
    if (!element.current) {
      return undefined;
    }
    const started = performance.now();
    let seen = false;
    const { slice: firstSlice, level: firstWindow } = first.current;
    const stack = new StackView(element.current, volume, firstSlice, firstWindow, {
      onRendered: (shown, corners) => {
        setRendered({ slice: shown, corners });
        if (shown === first.current.slice) {
          // Only the slice that was asked for lifts the error from the picture.
          setError(null);
        }
        if (!seen) {
          seen = true;
          performance.measure('norma:first-image', { start: started, end: performance.now() });
          setLetters(stack.letters());
          callbacks.current.onFirstImage();
          prefetcher.current?.start();
        }
      },
      onWindow: (window) => callbacks.current.onWindow(window),
      onZoom: (zoom) => callbacks.current.onZoom(zoom),
      onError: (reason) => setError(asApiError(reason)),
    });
    view.current = stack;
    prefetcher.current = new Prefetcher(volume, firstSlice, (loaded) => callbacks.current.onLoaded(loaded));
    return () => {
      prefetcher.current?.stop();
      prefetcher.current = null;
      view.current = null;
      stack.destroy();
      setRendered(null);
    };
  }, [volume]);

  useEffect(() => {
    first.current.slice = slice;
    view.current?.setSlice(slice);
    prefetcher.current?.moveTo(slice);
  }, [slice]);

  useEffect(() => {
    first.current.level = level;
    view.current?.setWindow(level);
  }, [level]);

  useEffect(() => {
    view.current?.setTool(tool);
  }, [tool, volume]);

  useImperativeHandle(ref, () => ({
    reset: () => view.current?.resetView(),
    clearMeasurements: () => view.current?.clearMeasurements(),
  }));

  useEffect(() => {
    const canvas = overlayCanvas.current;
    const { shown, stage, opacity, scale } = overlay;
    if (!canvas || !rendered) {
      return undefined;
    }
    if (!shown || !stage) {
      clearOverlay(canvas);
      return undefined;
    }
    let stale = false;
    const label = `${stage}/${rendered.slice}`;
    if (canvas.dataset['painted'] !== label) {
      // The map of another slice must not lie over this one while its own is on the way.
      clearOverlay(canvas);
    }
    const [, rows, columns] = volume.geometry.shape;
    maps
      .get(stage, rendered.slice)
      .then((map) => {
        if (!stale && map) {
          drawOverlay(canvas, paintMap(map, columns, rows, scale), rendered.corners, opacity, label);
        }
      })
      .catch(() => undefined);
    for (let distance = 1; distance <= MAPS_AHEAD; distance += 1) {
      for (const near of [rendered.slice - distance, rendered.slice + distance]) {
        if (near >= 0 && near < volume.geometry.shape[0]) {
          maps.get(stage, near).catch(() => undefined);
        }
      }
    }
    return () => {
      stale = true;
    };
  }, [rendered, overlay, maps, volume]);

  const wheel = useRef(0);
  useEffect(() => {
    const pane = element.current;
    if (!pane) {
      return undefined;
    }
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const { steps, rest } = wheelSteps(event, wheel.current);
      wheel.current = rest;
      if (steps !== 0) {
        // Down the wheel goes towards the feet.
        onSlice(clampSlice(volume.geometry, first.current.slice - steps));
      }
    };
    pane.addEventListener('wheel', onWheel, { passive: false });
    return () => pane.removeEventListener('wheel', onWheel);
  }, [volume, onSlice]);

  return (
    <div className={classes.pane} data-pane="axial" data-slice={rendered?.slice} data-state={error ? 'error' : rendered ? 'shown' : 'loading'}>
      <div
        ref={element}
        className={classes.viewport}
        role="img"
        aria-label={t('viewer.axialImage', { name: names.inText(rendered?.slice ?? slice), slice: numberFromHead(count, rendered?.slice ?? slice), count })}
        onContextMenu={(event) => event.preventDefault()}
      />
      <canvas ref={overlayCanvas} className={classes.overlay} aria-hidden data-overlay="axial" />
      {rendered && overlay.shown && box && (
        <RegionBox box={box} slice={rendered.slice} corners={rendered.corners} geometry={volume.geometry} />
      )}
      {letters && <PaneLetters letters={letters} />}
      {error && <PaneError error={error} onRetry={() => view.current?.retry()} />}
    </div>
  );
}
