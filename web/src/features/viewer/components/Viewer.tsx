import { useCallback, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { numberFromHead } from '@/format/slice-number';
import { toggleIdentity, useHiddenIdentity } from '@/privacy/hidden-identity';
import { useSettings } from '@/settings/settings';
import { useSliceNames } from '@/slices/slice-names';
import { useShortcuts } from '@/shortcuts/use-shortcuts';

import { MapCache } from '../api/map-cache';
import { warmUpEngine } from '../cornerstone/engine';
import { loadImage, registerVolume } from '../cornerstone/source';
import { setUpCornerstone } from '../cornerstone/setup';
import { cssGradient } from '../imaging/colour-scales';
import { clampSlice, positionMm, type Vector3 } from '../imaging/geometry';
import type { ViewedVolume } from '../imaging/viewed-volume';
import { WINDOW_PRESETS, type WindowLevel, type WindowPreset } from '../imaging/windows';
import { KeySliceThumbnails } from './KeySliceThumbnails';
import { PlanesPane } from './PlanesPane';
import { ScoreStrip } from './ScoreStrip';
import { StackPane, type PaneHandle } from './StackPane';
import { Toolbar } from './Toolbar';
import type { ViewerAnswer, ViewerBanner, ViewerState } from './viewer-state';
import classes from './viewer.module.css';

export interface ViewerProps {
  volume: ViewedVolume;
  answer: ViewerAnswer;
  banner: ViewerBanner;
  slice: number;
  onSlice: (slice: number) => void;
}

/** Starts the imaging library before a study is opened. */
export const warmUp = warmUpEngine;

/** Loads a slice before its study is opened. */
export async function openSlice(volume: ViewedVolume, slice: number): Promise<void> {
  setUpCornerstone();
  registerVolume(volume);
  await loadImage(volume, slice);
}

/** Pictures of one study: stack or three planes, maps over them, scores beside them. */
export default function Viewer({ volume, answer, banner, slice, onSlice }: ViewerProps) {
  const { t } = useTranslation();
  const { geometry } = volume;
  const count = geometry.shape[0];
  const names = useSliceNames(count);
  const [settings] = useSettings();
  const hidden = useHiddenIdentity();
  const [state, setState] = useState<ViewerState>(() => ({
    layout: 'stack',
    tool: 'window',
    window: { ...WINDOW_PRESETS.lung },
    overlay: {
      shown: settings.overlayShown,
      stage: answer.mapStages[0] ?? null,
      opacity: 0.55,
      scale: 'inferno',
    },
  }));
  const [loaded, setLoaded] = useState(0);
  const [zoom, setZoom] = useState(1);
  const [pictured, setPictured] = useState(false);
  const pane = useRef<PaneHandle>(null);
  const maps = useMemo(() => new MapCache(volume), [volume]);

  const change = useCallback((part: Partial<ViewerState>) => setState((known) => ({ ...known, ...part })), []);
  const onWindow = useCallback((level: WindowLevel) => {
    setState((known) =>
      known.window.center === level.center && known.window.width === level.width ? known : { ...known, window: level },
    );
  }, []);

  const stage = state.overlay.stage && answer.mapStages.includes(state.overlay.stage) ? state.overlay.stage : (answer.mapStages[0] ?? null);
  const overlay = useMemo(() => ({ ...state.overlay, stage }), [state.overlay, stage]);

  const move = (by: number): void => onSlice(clampSlice(geometry, slice + by));
  const preset = (name: WindowPreset) => (): void => change({ window: { ...WINDOW_PRESETS[name] } });
  const toggleTool = (tool: 'length' | 'region') => (): void => change({ tool: state.tool === tool ? 'window' : tool });
  const nextKeySlice = (): void => {
    const slices = [...new Set(answer.keySlices.map((key) => key.slice))];
    const next = slices[(slices.indexOf(slice) + 1) % slices.length];
    if (next !== undefined) {
      onSlice(next);
    }
  };
  const nextMap = (): void => {
    const index = stage ? answer.mapStages.indexOf(stage) : -1;
    const next = answer.mapStages[(index + 1) % answer.mapStages.length];
    if (next) {
      change({ overlay: { ...state.overlay, stage: next, shown: true } });
    }
  };

  useShortcuts({
    'viewer.up': () => move(1),
    'viewer.down': () => move(-1),
    'viewer.pageUp': () => move(10),
    'viewer.pageDown': () => move(-10),
    'viewer.first': () => onSlice(count - 1),
    'viewer.last': () => onSlice(0),
    'viewer.keySlice': nextKeySlice,
    'viewer.lung': preset('lung'),
    'viewer.mediastinum': preset('mediastinum'),
    'viewer.bone': preset('bone'),
    'viewer.soft': preset('soft'),
    'viewer.overlay': () => change({ overlay: { ...state.overlay, shown: !state.overlay.shown } }),
    'viewer.nextMap': nextMap,
    'viewer.planes': () =>
      change(state.layout === 'planes' ? { layout: 'stack', tool: 'window' } : { layout: 'planes', tool: 'crosshair' }),
    'viewer.length': toggleTool('length'),
    'viewer.region': toggleTool('region'),
    'viewer.clear': () => pane.current?.clearMeasurements(),
    'viewer.reset': () => pane.current?.reset(),
    'viewer.banner': toggleIdentity,
  });

  const centre = useMemo<Vector3>(() => {
    const box = answer.localization;
    return box
      ? [slice, Math.round((box.y_min + box.y_max) / 2), Math.round((box.x_min + box.x_max) / 2)]
      : [slice, Math.round(geometry.shape[1] / 2), Math.round(geometry.shape[2] / 2)];
    // The planes meet here when they are opened; later the reader moves them.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [state.layout, volume]);

  const height = positionMm(geometry, [slice, geometry.shape[1] / 2, geometry.shape[2] / 2])[2];
  return (
    <div className={classes.viewer} data-layout={state.layout}>
      <Toolbar
        state={{ ...state, overlay }}
        mapStages={answer.mapStages}
        onChange={change}
        onReset={() => pane.current?.reset()}
        onClear={() => pane.current?.clearMeasurements()}
      />
      <div className={classes.stage}>
        {state.layout === 'stack' ? (
          <StackPane
            ref={pane}
            volume={volume}
            maps={maps}
            slice={slice}
            onSlice={onSlice}
            window={state.window}
            onWindow={onWindow}
            tool={state.tool === 'crosshair' ? 'window' : state.tool}
            overlay={overlay}
            box={answer.localization}
            onLoaded={setLoaded}
            onZoom={setZoom}
            onFirstImage={() => setPictured(true)}
          />
        ) : (
          <PlanesPane
            ref={pane}
            volume={volume}
            maps={maps}
            centre={centre}
            slice={slice}
            onSlice={onSlice}
            window={state.window}
            onWindow={onWindow}
            tool={state.tool}
            overlay={overlay}
            onLoaded={setLoaded}
          />
        )}
        {!hidden && (
          <div className={classes.banner} data-testid="patient-banner">
            <b>{banner.name}</b>
            {banner.lines.map((line) => (
              <span key={line}>{line}</span>
            ))}
            {banner.conflicts.length > 0 && <span className={classes.otherPatient}>{t('identity.mismatchShort')}</span>}
          </div>
        )}
        <div className={classes.place} data-testid="slice-position">
          <b>{[names.image(slice), names.position(slice, height)].filter(Boolean).join(' · ')}</b>
          <span>{t('viewer.sliceOf', { slice: numberFromHead(count, slice), count })}</span>
          {loaded < count && <span>{t('viewer.loading', { loaded, count })}</span>}
        </div>
        <div className={classes.window}>
          <span>
            {t('viewer.windowText', { width: Math.round(state.window.width), center: Math.round(state.window.center) })}
          </span>
          {state.layout === 'stack' && <span>{t('viewer.zoomText', { zoom: Math.round(zoom * 100) })}</span>}
        </div>
        {overlay.shown && stage && (
          <div className={classes.scaleLegend} data-testid="map-legend">
            <span>{t(`map.${stage as 'anomaly' | 'classifier'}`)}</span>
            <div className={classes.scaleColumn}>
              <span className={classes.scaleTall} style={{ backgroundImage: cssGradient(overlay.scale, 'to top') }} />
              <span className={classes.scaleTicks}>
                <i>{t('viewer.overlay.high')}</i>
                <i>{t('viewer.overlay.low')}</i>
              </span>
            </div>
          </div>
        )}
      </div>
      <ScoreStrip
        count={count}
        slice={slice}
        onSlice={onSlice}
        curves={answer.curves}
        keySlices={answer.keySlices}
        lungExtent={answer.lungExtent}
      />
      <KeySliceThumbnails
        volume={volume}
        maps={maps}
        keySlices={answer.keySlices}
        overlay={overlay}
        slice={slice}
        onSlice={onSlice}
        waiting={!pictured && state.layout === 'stack'}
      />
    </div>
  );
}
