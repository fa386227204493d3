import { cache, Enums, eventTarget, RenderingEngine, setVolumesForViewports, type Types, utilities, volumeLoader } from '@cornerstonejs/core';
import { Enums as ToolEnums, StackScrollTool, ToolGroupManager, type Types as ToolTypes } from '@cornerstonejs/tools';

import { edgeLetters, type EdgeLetters, positionMm, type Vector3, voxelIndex } from '../imaging/geometry';
import { type ViewedVolume, volumeKey } from '../imaging/viewed-volume';
import type { WindowLevel } from '../imaging/windows';
import { clearMeasurements, restoreMeasurements } from './measurements';
import { PlaneCrosshairs } from './plane-crosshairs';
import { setUpCornerstone } from './setup';
import { registerVolume, stackImageIds } from './source';
import type { Corners } from './stack-view';
import { createToolGroup, type PointerTool, setPointerTool } from './tools';

export const PLANES = ['axial', 'sagittal', 'coronal'] as const;
export type Plane = (typeof PLANES)[number];

/** The voxel axis that a plane cuts: z, x, y. */
export const CUT_AXIS: Record<Plane, 0 | 1 | 2> = { axial: 0, sagittal: 2, coronal: 1 };

export interface PlaneState {
  /** Index along the cut axis. */
  index: number;
  corners: Corners;
  letters: EdgeLetters;
}

export interface PlanesEvents {
  onRendered: (plane: Plane, state: PlaneState) => void;
  onProgress: (loaded: number) => void;
  onWindow: (window: WindowLevel) => void;
  onError: (error: unknown) => void;
}

/** What the streaming loader adds to a volume. */
interface StreamingVolume {
  load: (onFrame: (progress: { framesProcessed?: number }) => void) => void;
}

interface Crosshairs {
  setToolCenter: (point: Types.Point3, suppressEvents?: boolean) => void;
}

const ORIENTATIONS: Record<Plane, Enums.OrientationAxis> = {
  axial: Enums.OrientationAxis.AXIAL,
  sagittal: Enums.OrientationAxis.SAGITTAL,
  coronal: Enums.OrientationAxis.CORONAL,
};

const LINE_COLOURS: Record<Plane, string> = {
  axial: 'rgb(255, 159, 67)',
  sagittal: 'rgb(84, 160, 255)',
  coronal: 'rgb(46, 213, 115)',
};

let opened = 0;

/** Three planes through one volume, with a crosshair that moves them together. */
export class PlanesView {
  readonly #engine: RenderingEngine;
  readonly #group: ToolTypes.IToolGroup;
  readonly #groupId: string;
  readonly #viewportIds: Record<Plane, string>;
  readonly #volumeId: string;
  readonly #observer: ResizeObserver;
  readonly #removals: (() => void)[] = [];
  #destroyed = false;
  #ready = false;
  #tool: PointerTool | 'crosshair' = 'crosshair';

  constructor(
    elements: Record<Plane, HTMLDivElement>,
    private readonly volume: ViewedVolume,
    /** Voxel index `[z, y, x]` where the planes meet first. */
    private centre: Vector3,
    window: WindowLevel,
    private readonly events: PlanesEvents,
  ) {
    setUpCornerstone();
    registerVolume(volume);
    restoreMeasurements(volume);
    opened += 1;
    this.#volumeId = `cornerstoneStreamingImageVolume:${volumeKey(volume)}`;
    this.#groupId = `planes-tools-${opened}`;
    this.#viewportIds = {
      axial: `axial-${opened}`,
      sagittal: `sagittal-${opened}`,
      coronal: `coronal-${opened}`,
    };
    this.#engine = new RenderingEngine(`planes-engine-${opened}`);
    this.#engine.setViewports(
      PLANES.map((plane) => ({
        viewportId: this.#viewportIds[plane],
        type: Enums.ViewportType.ORTHOGRAPHIC,
        element: elements[plane],
        defaultOptions: { orientation: ORIENTATIONS[plane], background: [0, 0, 0] as Types.Point3 },
      })),
    );
    this.#group = createToolGroup(this.#groupId);
    this.#addCrosshairs();
    for (const plane of PLANES) {
      this.#listen(plane, elements[plane]);
    }
    this.#observer = new ResizeObserver(() => this.#engine.resize(true, true));
    for (const plane of PLANES) {
      this.#observer.observe(elements[plane]);
    }
    this.#watchErrors();
    void this.#show(window);
  }

  /** A slice that does not come would leave a hole of 0 HU in the volume: it is told instead of shown. */
  #watchErrors(): void {
    const own = new Set(stackImageIds(this.volume));
    const failed = (event: Event): void => {
      const { imageId, error } = (event as CustomEvent<{ imageId: string; error: unknown }>).detail;
      if (own.has(imageId)) {
        this.events.onError(error);
      }
    };
    for (const name of [Enums.Events.IMAGE_LOAD_FAILED, Enums.Events.IMAGE_LOAD_ERROR]) {
      eventTarget.addEventListener(name, failed);
      this.#removals.push(() => eventTarget.removeEventListener(name, failed));
    }
  }

  #addCrosshairs(): void {
    const crosshairs = PlaneCrosshairs.toolName as string;
    const scroll = StackScrollTool.toolName as string;
    const planeOf = (viewportId: string): Plane => PLANES.find((plane) => this.#viewportIds[plane] === viewportId) ?? 'axial';
    this.#group.addTool(scroll);
    this.#group.addTool(crosshairs, {
      getReferenceLineColor: (viewportId: string) => LINE_COLOURS[planeOf(viewportId)],
      getReferenceLineControllable: () => true,
      getReferenceLineDraggableRotatable: () => true,
      // The handles to turn the lines by are not drawn: nothing is turned.
      handleRadius: 0,
      getReferenceLineSlabThicknessControlsOn: () => false,
      mobile: { enabled: false },
    });
    for (const plane of PLANES) {
      this.#group.addViewport(this.#viewportIds[plane], this.#engine.id);
    }
    this.#group.setToolActive(scroll, { bindings: [{ mouseButton: ToolEnums.MouseBindings.Wheel }] });
  }

  #listen(plane: Plane, element: HTMLDivElement): void {
    const rendered = (): void => {
      if (this.#ready) {
        this.events.onRendered(plane, this.#stateOf(plane));
      }
    };
    const windowed = (event: Event): void => {
      const { range } = (event as CustomEvent<{ range: { lower: number; upper: number } }>).detail;
      const { windowCenter, windowWidth } = utilities.windowLevel.toWindowLevel(range.lower, range.upper);
      if (this.#ready && plane === 'axial') {
        this.events.onWindow({ center: windowCenter, width: windowWidth });
      }
    };
    element.addEventListener(Enums.Events.IMAGE_RENDERED, rendered);
    element.addEventListener(Enums.Events.VOI_MODIFIED, windowed);
    this.#removals.push(() => {
      element.removeEventListener(Enums.Events.IMAGE_RENDERED, rendered);
      element.removeEventListener(Enums.Events.VOI_MODIFIED, windowed);
    });
  }

  async #show(window: WindowLevel): Promise<void> {
    try {
      const volume = await volumeLoader.createAndCacheVolume(this.#volumeId, {
        imageIds: stackImageIds(this.volume),
      });
      if (this.#destroyed) {
        return;
      }
      (volume as unknown as StreamingVolume).load(({ framesProcessed }) => {
        if (!this.#destroyed && framesProcessed !== undefined) {
          this.events.onProgress(framesProcessed);
        }
      });
      await setVolumesForViewports(
        this.#engine,
        [{ volumeId: this.#volumeId }],
        PLANES.map((plane) => this.#viewportIds[plane]),
      );
      if (this.#destroyed) {
        return;
      }
      this.#ready = true;
      this.setTool(this.#tool);
      this.setWindow(window);
      this.moveTo(this.centre);
      this.#engine.render();
    } catch (error) {
      if (!this.#destroyed) {
        this.events.onError(error);
      }
    }
  }

  #viewport(plane: Plane): Types.IVolumeViewport {
    return this.#engine.getViewport<Types.IVolumeViewport>(this.#viewportIds[plane]);
  }

  #stateOf(plane: Plane): PlaneState {
    const viewport = this.#viewport(plane);
    const camera = viewport.getCamera();
    const axis = CUT_AXIS[plane];
    const focus = voxelIndex(this.volume.geometry, camera.focalPoint as Vector3);
    const index = Math.min(this.volume.geometry.shape[axis] - 1, Math.max(0, Math.round(focus[axis])));
    return {
      index,
      corners: this.#corners(viewport, plane, index),
      letters: edgeLetters(camera.viewUp as Vector3, camera.viewPlaneNormal as Vector3),
    };
  }

  /** Corners of the plane's map picture: rows and columns of an axial slice, else z (head first) and x or y. */
  #corners(viewport: Types.IVolumeViewport, plane: Plane, index: number): Corners {
    const [slices, rows, columns] = this.volume.geometry.shape;
    const place = (voxel: Vector3): [number, number] => {
      const [x, y] = viewport.worldToCanvas(positionMm(this.volume.geometry, voxel));
      return [x, y];
    };
    const [top, bottom, left] = [slices - 0.5, -0.5, -0.5];
    switch (plane) {
      case 'axial':
        return [place([index, -0.5, -0.5]), place([index, -0.5, columns - 0.5]), place([index, rows - 0.5, -0.5])];
      case 'coronal':
        return [place([top, index, left]), place([top, index, columns - 0.5]), place([bottom, index, left])];
      case 'sagittal':
        return [place([top, left, index]), place([top, rows - 0.5, index]), place([bottom, left, index])];
    }
  }

  /** Lets the planes meet at a voxel index `[z, y, x]`. */
  moveTo(centre: Vector3): void {
    this.centre = centre;
    if (!this.#ready) {
      return;
    }
    const point = positionMm(this.volume.geometry, centre);
    (this.#group.getToolInstance(PlaneCrosshairs.toolName as string) as Crosshairs).setToolCenter(point);
  }

  /** Moves the axial plane only. */
  setSlice(slice: number): void {
    if (!this.#ready) {
      this.centre = [slice, this.centre[1], this.centre[2]];
      return;
    }
    if (this.#stateOf('axial').index === slice) {
      return;
    }
    const sagittal = this.#stateOf('sagittal').index;
    const coronal = this.#stateOf('coronal').index;
    this.moveTo([slice, coronal, sagittal]);
  }

  setWindow({ center, width }: WindowLevel): void {
    if (!this.#ready) {
      return;
    }
    const voiRange = utilities.windowLevel.toLowHighRange(width, center);
    for (const plane of PLANES) {
      this.#viewport(plane).setProperties({ voiRange }, this.#volumeId);
      this.#viewport(plane).render();
    }
  }

  setTool(tool: PointerTool | 'crosshair'): void {
    this.#tool = tool;
    if (!this.#ready) {
      return;
    }
    const crosshairs = PlaneCrosshairs.toolName as string;
    if (tool === 'crosshair') {
      setPointerTool(this.#group, null);
      this.#group.setToolActive(crosshairs, { bindings: [{ mouseButton: ToolEnums.MouseBindings.Primary }] });
    } else {
      this.#group.setToolPassive(crosshairs, { removeAllBindings: true });
      setPointerTool(this.#group, tool);
    }
  }

  resetView(): void {
    for (const plane of PLANES) {
      this.#viewport(plane).resetCamera();
    }
    this.moveTo(this.centre);
    this.#engine.render();
  }

  clearMeasurements(): void {
    clearMeasurements();
    this.#engine.render();
  }

  destroy(): void {
    this.#destroyed = true;
    this.#observer.disconnect();
    for (const remove of this.#removals) {
      remove();
    }
    ToolGroupManager.destroyToolGroup(this.#groupId);
    this.#engine.destroy();
    if (cache.getVolume(this.#volumeId)) {
      // The slices stay cached for the stack.
      cache.removeVolumeLoadObject(this.#volumeId);
    }
  }
}
