import { cache, imageLoader, metaData, Enums, type Types } from '@cornerstonejs/core';

import { numberFromHead } from '@/format/slice-number';

import { fetchSlice } from '../api/pixels';
import { positionMm, stackIndex } from '../imaging/geometry';
import { type ViewedVolume, volumeKey } from '../imaging/viewed-volume';
import { WINDOW_PRESETS } from '../imaging/windows';

const SCHEME = 'norma';

/** The volumes that a viewer has opened; the metadata provider answers from them. */
const volumes = new Map<string, ViewedVolume>();

export function registerVolume(volume: ViewedVolume): void {
  volumes.set(volumeKey(volume), volume);
}

const imageIdOf = (volume: ViewedVolume, slice: number): string => `${SCHEME}:${volumeKey(volume)}/${slice}`;

/** The slice that an image of ours shows. */
export const sliceOfImageId = (imageId: string): number => Number(imageId.slice(imageId.lastIndexOf('/') + 1));

/** The stack's images, head first. */
export function stackImageIds(volume: ViewedVolume): string[] {
  const { geometry } = volume;
  return Array.from({ length: geometry.shape[0] }, (_, index) => imageIdOf(volume, stackIndex(geometry, index)));
}

interface ImagePlace {
  volume: ViewedVolume;
  slice: number;
}

function placeOf(imageId: string): ImagePlace | undefined {
  const match = /^norma:([^/]+)\/(\d+)$/.exec(imageId);
  const volume = match?.[1] ? volumes.get(match[1]) : undefined;
  return volume ? { volume, slice: Number(match?.[2]) } : undefined;
}

export const frameOfReference = (volume: ViewedVolume): string => `norma.${volumeKey(volume)}`;

function planeModule({ volume, slice }: ImagePlace): object {
  const { geometry } = volume;
  const [, rows, columns] = geometry.shape;
  const [thickness, rowSpacing, columnSpacing] = geometry.spacing_mm;
  const rowCosines = geometry.direction[2];
  const columnCosines = geometry.direction[1];
  return {
    frameOfReferenceUID: frameOfReference(volume),
    rows,
    columns,
    rowCosines,
    columnCosines,
    imageOrientationPatient: [...rowCosines, ...columnCosines],
    imagePositionPatient: positionMm(geometry, [slice, 0, 0]),
    pixelSpacing: [rowSpacing, columnSpacing],
    rowPixelSpacing: rowSpacing,
    columnPixelSpacing: columnSpacing,
    sliceThickness: thickness,
    sliceLocation: slice * thickness,
    usingDefaultValues: false,
  };
}

const pixelModule = ({ volume: { geometry } }: ImagePlace): object => ({
  samplesPerPixel: 1,
  photometricInterpretation: 'MONOCHROME2',
  rows: geometry.shape[1],
  columns: geometry.shape[2],
  bitsAllocated: 16,
  bitsStored: 16,
  highBit: 15,
  pixelRepresentation: 1,
});

/** Answers cornerstone's questions about a `norma:` image. */
export function provideMetadata(type: string, imageId: unknown): object | undefined {
  const place = typeof imageId === 'string' ? placeOf(imageId) : undefined;
  if (!place) {
    return undefined;
  }
  switch (type) {
    case Enums.MetadataModules.IMAGE_PLANE:
      return planeModule(place);
    case Enums.MetadataModules.IMAGE_PIXEL:
      return pixelModule(place);
    case Enums.MetadataModules.GENERAL_SERIES:
      return { modality: 'CT', seriesInstanceUID: `norma.${volumeKey(place.volume)}`, seriesNumber: 1 };
    case Enums.MetadataModules.GENERAL_IMAGE:
      return { instanceNumber: numberFromHead(place.volume.geometry.shape[0], place.slice) };
    case Enums.MetadataModules.MODALITY_LUT:
      // The gateway serves Hounsfield units: nothing is left to rescale.
      return { rescaleSlope: 1, rescaleIntercept: 0, rescaleType: 'HU' };
    case Enums.MetadataModules.VOI_LUT:
      return { windowCenter: [WINDOW_PRESETS.lung.center], windowWidth: [WINDOW_PRESETS.lung.width] };
    default:
      return undefined;
  }
}

function extremes(pixels: Int16Array): [number, number] {
  let low = 32767;
  let high = -32768;
  for (const value of pixels) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function imageOf(imageId: string, { geometry }: ViewedVolume, pixels: Int16Array): Types.IImage {
  const [, rows, columns] = geometry.shape;
  const [minPixelValue, maxPixelValue] = extremes(pixels);
  const image = {
    imageId,
    minPixelValue,
    maxPixelValue,
    slope: 1,
    intercept: 0,
    windowCenter: WINDOW_PRESETS.lung.center,
    windowWidth: WINDOW_PRESETS.lung.width,
    voiLUTFunction: Enums.VOILUTFunctionType.LINEAR,
    getPixelData: () => pixels,
    rows,
    columns,
    height: rows,
    width: columns,
    color: false,
    rgba: false,
    numberOfComponents: 1,
    columnPixelSpacing: geometry.spacing_mm[2],
    rowPixelSpacing: geometry.spacing_mm[1],
    sliceThickness: geometry.spacing_mm[0],
    invert: false,
    photometricInterpretation: 'MONOCHROME2',
    sizeInBytes: pixels.byteLength,
    dataType: 'Int16Array',
    isPreScaled: true,
    preScale: { enabled: true, scaled: true, scalingParameters: { modality: 'CT', rescaleSlope: 1, rescaleIntercept: 0 } },
    imageFrame: {},
  };
  return image as unknown as Types.IImage;
}

export function registerSource(): void {
  imageLoader.registerImageLoader(SCHEME, (imageId: string) => {
    const place = placeOf(imageId);
    if (!place) {
      throw new Error(`no volume is known for ${imageId}`);
    }
    const { volume, slice } = place;
    return { promise: fetchSlice(volume, slice).then((pixels) => imageOf(imageId, volume, pixels)) };
  });
  metaData.addProvider(provideMetadata, 10_000);
}

/** A slice as cornerstone holds it; loads it if need be. */
export function loadImage(volume: ViewedVolume, slice: number): Promise<Types.IImage> {
  const imageId = imageIdOf(volume, slice);
  if (!cache.getImageLoadObject(imageId)) {
    // By hand: what the library puts into its cache itself, it leaves unheard when it fails.
    const promise = fetchSlice(volume, slice).then((pixels) => imageOf(imageId, volume, pixels));
    cache.putImageLoadObject(imageId, { promise }).catch(() => undefined);
  }
  return imageLoader.loadAndCacheImage(imageId);
}

/** A black picture of our kind that no gateway holds. */
export function warmUpImageId(): string {
  const volume: ViewedVolume = {
    scanId: 'warm-up',
    analysisId: 'none',
    geometry: { shape: [1, 16, 16], spacing_mm: [1, 1, 1], origin_mm: [0, 0, 0], direction: [[0, 0, 1], [0, 1, 0], [1, 0, 0]] },
  };
  registerVolume(volume);
  const imageId = imageIdOf(volume, 0);
  const image = imageOf(imageId, volume, new Int16Array(256).fill(-1000));
  void cache.putImageLoadObject(imageId, { promise: Promise.resolve(image) });
  return imageId;
}
