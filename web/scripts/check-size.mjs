// Fails the build when the page's first JavaScript outgrows its budget: what runs before anything is shown, with the
// texts of the longer language. The viewer is a chunk of its own, fetched later.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET_BYTES = 300_000;
const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));

/** The chunk and all that it imports before it runs. */
function closure(name, seen = new Set()) {
  if (!seen.has(name)) {
    seen.add(name);
    (manifest[name].imports ?? []).forEach((imported) => closure(imported, seen));
  }
  return seen;
}

const sizeOf = (files) => files.reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, dist))).length, 0);
const withTexts = (language) => [...closure(`src/i18n/${language}.ts`, closure('index.html'))].map((name) => manifest[name].file);
const [files] = ['en', 'ru'].map(withTexts).sort((one, other) => sizeOf(other) - sizeOf(one));
const bytes = sizeOf(files);
const viewer = Object.values(manifest).find(({ src }) => src === 'src/features/viewer/components/Viewer.tsx');
if (files.includes(viewer?.file)) {
  throw new Error('the viewer is in the first JavaScript');
}
console.log(`first JavaScript: ${(bytes / 1000).toFixed(0)} kB gzipped in ${files.length} files (budget ${BUDGET_BYTES / 1000} kB)`);
if (bytes > BUDGET_BYTES) {
  process.exit(1);
}
