/** One upload to be: a file as it is, or files to be packed into a zip. */
export interface UploadSource {
  name: string;
  files: PlacedFile[];
  /** Sent as it is; otherwise the files are packed first. */
  single: boolean;
}

/** A file and where it lies in its folder. */
export interface PlacedFile {
  path: string;
  file: File;
}

const ALONE = /\.(zip|nii|nii\.gz)$/i;
/** What file managers leave behind. */
const NOISE = /(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini|\._[^/]*|__MACOSX\/.*)$/i;

const topOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '');

const alone = ({ path, file }: PlacedFile): UploadSource => ({ name: path, files: [{ path: file.name, file }], single: true });

/**
 * Sorts what was dropped into uploads: archives and NIfTI files go alone, the rest of a folder goes together,
 * loose files that are no archives go together.
 */
export function groupFiles(placed: PlacedFile[]): UploadSource[] {
  const wanted = placed.filter(({ path }) => !NOISE.test(path));
  const sources = wanted.filter(({ path }) => ALONE.test(path)).map(alone);
  const folders = new Map<string, PlacedFile[]>();
  for (const item of wanted.filter(({ path }) => !ALONE.test(path))) {
    const top = topOf(item.path);
    folders.set(top, [...(folders.get(top) ?? []), item]);
  }
  for (const [top, files] of folders) {
    const [first] = files;
    if (top === '' && files.length === 1 && first) {
      sources.push(alone(first));
    } else {
      sources.push({ name: top || `${first?.path ?? ''} …`, files, single: false });
    }
  }
  return sources;
}

const readFile = (entry: FileSystemFileEntry): Promise<File> => new Promise((resolve, reject) => entry.file(resolve, reject));

async function readFolder(entry: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = entry.createReader();
  const found: FileSystemEntry[] = [];
  // A reader gives at most 100 entries at a time, and none at the end.
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) {
      return found;
    }
    found.push(...batch);
  }
}

async function walk(entry: FileSystemEntry, into: PlacedFile[]): Promise<void> {
  const path = entry.fullPath.replace(/^\//, '');
  if (entry.isFile) {
    into.push({ path, file: await readFile(entry as FileSystemFileEntry) });
  } else if (entry.isDirectory) {
    for (const child of await readFolder(entry as FileSystemDirectoryEntry)) {
      await walk(child, into);
    }
  }
}

/** The uploads that a drop holds. Entries are taken before the first wait: afterwards the browser has let them go. */
export async function sourcesOfDrop(transfer: DataTransfer): Promise<UploadSource[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) {
    return sourcesOfFiles(transfer.files);
  }
  const placed: PlacedFile[] = [];
  for (const entry of entries) {
    await walk(entry, placed);
  }
  return groupFiles(placed);
}

export function sourcesOfFiles(files: FileList | File[]): UploadSource[] {
  return groupFiles([...files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

export const sizeOf = (source: UploadSource): number => source.files.reduce((sum, { file }) => sum + file.size, 0);
