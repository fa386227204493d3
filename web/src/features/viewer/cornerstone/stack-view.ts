import { Enums, type RenderingEngine, type Types, utilities } from '@cornerstonejs/core';
import { ToolGroupManager, type Types as ToolTypes } from '@cornerstonejs/tools';

import { edgeLetters, type EdgeLetters, positionMm, stackIndex, type Vector3 } from '../imaging/geometry';
import { type ViewedVolume } from '../imaging/viewed-volume';
import type { WindowLevel } from '../imaging/windows';
import { stackEngine } from './engine';
import { clearMeasurements, restoreMeasurements } from './measurements';
import { loadImage, registerVolume, sliceOfImageId, stackImageIds } from './source';
import { createToolGroup, type PointerTool, setPointerTool } from './tools';

/** Where the picture's corners lie on the pane, in CSS pixels: top left, top right, bottom left. */
export type Corners = [[number, number], [number, number], [number, number]];

export interface StackEvents {
  onRendered: (slice: number, corners: Corners) => void;
  onWindow: (window: WindowLevel) => void;
  onZoom: (zoom: number) => void;
  onError: (error: unknown) => void;
}

let opened = 0;

/** The axial stack of one study in one element. Only this folder speaks to cornerstone. */
export class StackView {
  readonly #engine: RenderingEngine;
  readonly #viewport: Types.IStackViewport;
  readonly #group: ToolTypes.IToolGroup;
  readonly #groupId: string;
  readonly #viewportId: string;
  #target: number;
  #window: WindowLevel;
  #ready = false;
  #moving = false;
  #destroyed = false;
  readonly #observer: ResizeObserver;

  constructor(
    private readonly element: HTMLDivElement,
    private readonly volume: ViewedVolume,
    slice: number,
    window: WindowLevel,
    private readonly events: StackEvents,
  ) {
    this.#engine = stackEngine();
    registerVolume(volume);
    restoreMeasurements(volume);
    // On its way while the viewport is made.
    loadImage(volume, slice).catch(() => undefined);
    opened += 1;
    this.#viewportId = `stack-${opened}`;
    this.#groupId = `stack-tools-${opened}`;
    this.#engine.enableElement({ viewportId: this.#viewportId, type: Enums.ViewportType.STACK, element });
    this.#viewport = this.#engine.getViewport<Types.IStackViewport>(this.#viewportId);
    this.#group = createToolGroup(this.#groupId);
    this.#group.addViewport(this.#viewportId, this.#engine.id);
    this.#target = slice;
    this.#listen();
    this.#observer = new ResizeObserver(() => this.#engine.resize(true, true));
    this.#observer.observe(element);
    this.#window = window;
    void this.#show(slice, window);
  }

  async #show(slice: number, window: WindowLevel): Promise<void> {
    try {
      // The library shows a black picture where an image does not come; its own loading tells nobody.
      await loadImage(this.volume, slice);
      if (this.#destroyed) {
        return;
      }
      await this.#viewport.setStack(stackImageIds(this.volume), stackIndex(this.volume.geometry, slice));
      if (this.#destroyed) {
        return;
      }
      this.#ready = true;
      this.setWindow(window);
      if (this.#target !== slice) {
        this.setSlice(this.#target);
      }
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    if (!this.#destroyed) {
      this.events.onError(error);
    }
  }

  #listen(): void {
    this.element.addEventListener(Enums.Events.IMAGE_RENDERED, this.#rendered);
    this.element.addEventListener(Enums.Events.VOI_MODIFIED, this.#windowed);
  }

  readonly #rendered = (): void => {
    const imageId = this.#viewport.getCurrentImageId() as string | undefined;
    if (!imageId || !this.#ready) {
      return;
    }
    const slice = sliceOfImageId(imageId);
    this.events.onRendered(slice, this.#corners(slice));
    this.events.onZoom(this.#viewport.getZoom());
  };

  readonly #windowed = (event: Event): void => {
    if (!this.#ready) {
      return;
    }
    const { range } = (event as CustomEvent<{ range: { lower: number; upper: number } }>).detail;
    const { windowCenter, windowWidth } = utilities.windowLevel.toWindowLevel(range.lower, range.upper);
    this.events.onWindow({ center: windowCenter, width: windowWidth });
  };

  #corners(slice: number): Corners {
    const [, rows, columns] = this.volume.geometry.shape;
    const place = (row: number, column: number): [number, number] => {
      const [x, y] = this.#viewport.worldToCanvas(positionMm(this.volume.geometry, [slice, row, column]));
      return [x, y];
    };
    return [place(-0.5, -0.5), place(-0.5, columns - 0.5), place(rows - 0.5, -0.5)];
  }

  /** Goes to a slice; of several asked for while one loads, only the last is shown. */
  setSlice(slice: number): void {
    this.#target = slice;
    if (!this.#moving && this.#ready) {
      void this.#move();
    }
  }

  /** Asks once more for the slice that did not come. */
  retry(): void {
    if (this.#ready) {
      this.setSlice(this.#target);
    } else {
      void this.#show(this.#target, this.#window);
    }
  }

  async #move(): Promise<void> {
    this.#moving = true;
    let shown = -1;
    try {
      while (shown !== this.#target && !this.#destroyed) {
        const target = this.#target;
        await loadImage(this.volume, target);
        if (this.#destroyed) {
          return;
        }
        await this.#viewport.setImageIdIndex(stackIndex(this.volume.geometry, target));
        shown = target;
      }
    } catch (error) {
      this.#report(error);
    } finally {
      this.#moving = false;
    }
  }

  setWindow(window: WindowLevel): void {
    this.#window = window;
    if (!this.#ready) {
      return;
    }
    const { center, width } = window;
    const range = utilities.windowLevel.toLowHighRange(width, center);
    this.#viewport.setProperties({ voiRange: range });
    this.#viewport.render();
  }

  setTool(tool: PointerTool): void {
    setPointerTool(this.#group, tool);
  }

  resetView(): void {
    this.#viewport.resetCamera();
    this.#viewport.render();
  }

  clearMeasurements(): void {
    clearMeasurements();
    this.#viewport.render();
  }

  letters(): EdgeLetters {
    const { viewUp, viewPlaneNormal } = this.#viewport.getCamera();
    return edgeLetters(viewUp as Vector3, viewPlaneNormal as Vector3);
  }

  destroy(): void {
    this.#destroyed = true;
    this.#observer.disconnect();
    this.element.removeEventListener(Enums.Events.IMAGE_RENDERED, this.#rendered);
    this.element.removeEventListener(Enums.Events.VOI_MODIFIED, this.#windowed);
    ToolGroupManager.destroyToolGroup(this.#groupId);
    this.#engine.disableElement(this.#viewportId);
  }
}
