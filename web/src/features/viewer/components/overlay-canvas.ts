import type { Corners } from '../cornerstone/stack-view';

export function clearOverlay(canvas: HTMLCanvasElement): void {
  canvas.getContext('2d')?.clearRect(0, 0, canvas.width, canvas.height);
  delete canvas.dataset['painted'];
}

/** Draws a map's picture so that its corners fall on those of the image under it. */
export function drawOverlay(
  canvas: HTMLCanvasElement,
  picture: HTMLCanvasElement,
  corners: Corners,
  opacity: number,
  label: string,
): void {
  const context = canvas.getContext('2d');
  if (!context) {
    return;
  }
  const ratio = window.devicePixelRatio;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  const [origin, right, down] = corners;
  context.setTransform(
    ((right[0] - origin[0]) / picture.width) * ratio,
    ((right[1] - origin[1]) / picture.width) * ratio,
    ((down[0] - origin[0]) / picture.height) * ratio,
    ((down[1] - origin[1]) / picture.height) * ratio,
    origin[0] * ratio,
    origin[1] * ratio,
  );
  context.globalAlpha = opacity;
  context.imageSmoothingEnabled = true;
  context.drawImage(picture, 0, 0);
  context.setTransform(1, 0, 0, 1, 0, 0);
  canvas.dataset['painted'] = label;
}
