import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';

import { groupFiles, type PlacedFile } from './collect';
import { Cancelled, packFiles } from './pack';

const placed = (path: string, text = 'x'): PlacedFile => ({ path, file: new File([text], path.split('/').at(-1) ?? path) });

describe('what is dropped', () => {
  it('goes alone where it is an archive, together where it is a folder', () => {
    const sources = groupFiles(['CT/1.dcm', 'CT/sub/2.dcm', 'CT/old.zip', 'a.zip', 'b.nii.gz', 'CT/.DS_Store'].map((path) => placed(path)));
    expect(sources.map(({ name, single, files }) => [name, single, files.length])).toEqual([
      ['CT/old.zip', true, 1],
      ['a.zip', true, 1],
      ['b.nii.gz', true, 1],
      ['CT', false, 2],
    ]);
  });

  it('keeps one loose file as it is and packs several', () => {
    expect(groupFiles([placed('1.dcm')])[0]?.single).toBe(true);
    expect(groupFiles([placed('1.dcm'), placed('2.dcm')])).toHaveLength(1);
    expect(groupFiles([placed('1.dcm'), placed('2.dcm')])[0]?.single).toBe(false);
    expect(groupFiles([])).toEqual([]);
  });
});

describe('packing', () => {
  it('gives a zip with every file in its place', async () => {
    const seen: number[] = [];
    const blob = await packFiles(
      [placed('CT/1.dcm', 'first'), placed('CT/sub/2.dcm', 'second')],
      (bytes) => seen.push(bytes),
      new AbortController().signal,
    );
    const files = unzipSync(new Uint8Array(await blob.arrayBuffer()));
    const text = (path: string): string => new TextDecoder().decode(files[path]);
    expect([text('CT/1.dcm'), text('CT/sub/2.dcm')]).toEqual(['first', 'second']);
    expect(seen.at(-1)).toBe(11);
  });

  it('stops when it is cancelled', async () => {
    const abort = new AbortController();
    abort.abort();
    await expect(packFiles([placed('CT/1.dcm')], () => undefined, abort.signal)).rejects.toBeInstanceOf(Cancelled);
  });
});
