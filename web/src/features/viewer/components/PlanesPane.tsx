import { useEffect, useImperativeHandle, useRef, useState, type Ref } from 'react';
import { useTranslation } from 'react-i18next';

import { asApiError, type ApiError } from '@/api/errors';

import type { MapCache } from '../api/map-cache';
import { CUT_AXIS, PLANES, type Plane, type PlaneState, PlanesView } from '../cornerstone/planes-view';
import type { Vector3 } from '../imaging/geometry';
import { paintMap, resliceMaps } from '../imaging/map-pictures';
import type { ViewedVolume } from '../imaging/viewed-volume';
import type { WindowLevel } from '../imaging/windows';
import { clearOverlay, drawOverlay } from './overlay-canvas';
import { PaneError, PaneLetters } from './PaneMarks';
import type { PaneHandle } from './StackPane';
import { useAllMaps } from './use-all-maps';
import type { OverlayState, ViewerTool } from './viewer-state';
import classes from './viewer.module.css';

interface PlanesPaneProps {
  ref: Ref<PaneHandle>;
  volume: ViewedVolume;
  maps: MapCache;
  centre: Vector3;
  slice: number;
  onSlice: (slice: number) => void;
  window: WindowLevel;
  onWindow: (window: WindowLevel) => void;
  tool: ViewerTool;
  overlay: OverlayState;
  onLoaded: (slices: number) => void;
}

type States = Partial<Record<Plane, PlaneState>>;

export function PlanesPane(props: PlanesPaneProps) {
  const { ref, volume, maps, centre, slice, onSlice, window: level, onWindow, tool, overlay, onLoaded } = props;
  const { t } = useTranslation();
  const elements = useRef<Partial<Record<Plane, HTMLDivElement>>>({});
  const canvases = useRef<Partial<Record<Plane, HTMLCanvasElement>>>({});
  const view = useRef<PlanesView | null>(null);
  const first = useRef({ centre, level });
  const callbacks = useRef({ onSlice, onWindow, onLoaded });
  const [states, setStates] = useState<States>({});
  const [error, setError] = useState<ApiError | null>(null);
  const [attempt, setAttempt] = useState(0);
  const allMaps = useAllMaps(maps, volume, overlay.shown ? overlay.stage : null);

  useEffect(() => {
    callbacks.current = { onSlice, onWindow, onLoaded };
  });

  useEffect(() => {
    const { axial, sagittal, coronal } = elements.current;
    if (!axial || !sagittal || !coronal) {
      return undefined;
    }
    const planes = new PlanesView({ axial, sagittal, coronal }, volume, first.current.centre, first.current.level, {
      onRendered: (plane, state) => {
        setStates((known) => ({ ...known, [plane]: state }));
        if (plane === 'axial') {
          callbacks.current.onSlice(state.index);
        }
      },
      onProgress: (loaded) => callbacks.current.onLoaded(loaded),
      onWindow: (window) => callbacks.current.onWindow(window),
      onError: (reason) => setError(asApiError(reason)),
    });
    view.current = planes;
    return () => {
      view.current = null;
      planes.destroy();
      setStates({});
    };
  }, [volume, attempt]);

  useEffect(() => {
    view.current?.setSlice(slice);
  }, [slice]);

  useEffect(() => {
    first.current.level = level;
    view.current?.setWindow(level);
  }, [level]);

  useEffect(() => {
    view.current?.setTool(tool);
  }, [tool, volume, attempt]);

  useImperativeHandle(ref, () => ({
    reset: () => view.current?.resetView(),
    clearMeasurements: () => view.current?.clearMeasurements(),
  }));

  useEffect(() => {
    const [, rows, columns] = volume.geometry.shape;
    for (const plane of PLANES) {
      const canvas = canvases.current[plane];
      const state = states[plane];
      if (!canvas) {
        continue;
      }
      if (!state || !overlay.shown || !overlay.stage) {
        clearOverlay(canvas);
        continue;
      }
      const label = `${overlay.stage}/${plane}/${state.index}`;
      if (plane === 'axial') {
        const map = allMaps.get(state.index);
        if (map) {
          drawOverlay(canvas, paintMap(map, columns, rows, overlay.scale), state.corners, overlay.opacity, label);
        } else {
          clearOverlay(canvas);
        }
      } else {
        const { values, width, height } = resliceMaps(allMaps, volume.geometry, plane, state.index);
        drawOverlay(canvas, paintMap(values, width, height, overlay.scale), state.corners, overlay.opacity, label);
      }
    }
  }, [states, overlay, allMaps, volume]);

  return (
    <div className={classes.planes}>
      {PLANES.map((plane) => {
        const state = states[plane];
        const count = volume.geometry.shape[CUT_AXIS[plane]];
        return (
          <div
            key={plane}
            className={classes.pane}
            data-pane={plane}
            data-slice={state?.index}
            data-state={error ? 'error' : state ? 'shown' : 'loading'}
          >
            <div
              ref={(element) => {
                if (element) elements.current[plane] = element;
              }}
              className={classes.viewport}
              role="img"
              aria-label={t('viewer.planeImage', { plane: t(`viewer.plane.${plane}`), index: (state?.index ?? 0) + 1, count })}
              onContextMenu={(event) => event.preventDefault()}
            />
            <canvas
              ref={(canvas) => {
                if (canvas) canvases.current[plane] = canvas;
              }}
              className={classes.overlay}
              aria-hidden
              data-overlay={plane}
            />
            {state && <PaneLetters letters={state.letters} />}
            <span className={classes.planeName} data-plane={plane}>
              {t(`viewer.plane.${plane}`)} {state ? state.index + 1 : ''}
            </span>
          </div>
        );
      })}
      {error && (
        <PaneError
          error={error}
          onRetry={() => {
            setError(null);
            setAttempt((made) => made + 1);
          }}
        />
      )}
    </div>
  );
}
