// A drawn chest for development: body, lungs, heart, spine, vessels, and if wanted a nodule. Hounsfield units.
export const GEOMETRY = {
  shape: [154, 512, 512],
  spacing_mm: [2, 0.72, 0.72],
  origin_mm: [-184, -184, -310],
  direction: [
    [0, 0, 1],
    [0, 1, 0],
    [1, 0, 0],
  ],
};

const ellipse = (x, y, centreX, centreY, radiusX, radiusY) =>
  ((x - centreX) / radiusX) ** 2 + ((y - centreY) / radiusY) ** 2 <= 1;

const noise = (x, y, z) => {
  const value = Math.sin(x * 12.9898 + y * 78.233 + z * 37.719) * 43758.5453;
  return (value - Math.floor(value) - 0.5) * 40;
};

export const NODULE = { z: 88, y: 240, x: 350, radius: 16 };

/** One slice, int16, row by row. */
export function phantomSlice(z, withNodule) {
  const [slices, rows, columns] = GEOMETRY.shape;
  const pixels = new Int16Array(rows * columns);
  const height = z / (slices - 1);
  const lung = Math.sqrt(Math.max(0, 1 - ((height - 0.5) / 0.47) ** 2));
  const body = 0.86 + 0.14 * Math.sin(Math.PI * height);
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < columns; x += 1) {
      let value = -1000;
      if (ellipse(x, y, 256, 260, 232 * body, 168 * body)) {
        value = ellipse(x, y, 256, 260, 216 * body, 152 * body) ? 45 : -95;
        if (ellipse(x, y, 256, 390, 30, 26)) value = 480;
        const heart = height > 0.2 && height < 0.55;
        const inLung =
          lung > 0.05 &&
          (ellipse(x, y, 152, 262, 84 * lung, 118 * lung) || ellipse(x, y, 360, 262, 84 * lung, 118 * lung));
        if (inLung) {
          value = -860 + 60 * (y / rows);
          const vessel = Math.sin(x / 9 + z / 7) * Math.sin(y / 11 - z / 9) * Math.sin((x + y) / 17);
          if (vessel > 0.62) value = -120;
        }
        if (heart && ellipse(x, y, 282, 236, 66, 58)) value = 60;
        if (height > 0.5 && ellipse(x, y, 256, 268, 11, 13)) value = -980;
        if (withNodule) {
          const distance = Math.hypot((z - NODULE.z) * 2.7, y - NODULE.y, x - NODULE.x);
          if (distance < NODULE.radius) value = 40;
        }
        value += noise(x, y, z);
      }
      pixels[y * columns + x] = value;
    }
  }
  return pixels;
}

/** A stage's map of one slice, 0..=255. */
export function phantomMap(z, stage, withNodule) {
  const [, rows, columns] = GEOMETRY.shape;
  const values = new Uint8Array(rows * columns);
  const spread = stage === 'anomaly' ? 26 : 46;
  for (let y = 120; y < 400; y += 1) {
    for (let x = 60; x < 450; x += 1) {
      const distance = Math.hypot((z - NODULE.z) * 2.7, y - NODULE.y, x - NODULE.x);
      const strength = withNodule ? 255 * Math.exp(-((distance / spread) ** 2)) : 40 * Math.exp(-((distance / spread) ** 2));
      values[y * columns + x] = Math.min(255, strength + 18 * Math.abs(Math.sin(x / 31) * Math.cos(y / 23 + z / 11)));
    }
  }
  return values;
}
