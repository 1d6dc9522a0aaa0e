/**
 * Looks through packs and folders for pages that no row tells of: what was written just before a kill, or
 * all of them where the journal is lost. Whole pages of a known object are taken in, anything else is
 * removed.
 */
import { open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from '@node-rs/crc32';
import { noRow } from '../rows/rows.ts';
import type { DescribedSet } from './catalogue.ts';
import type { DirectoryFiles } from './directory-files.ts';
import { diskBytesOf, pageOfName } from './directory-layout.ts';
import type { DiskBudget } from './disk-budget.ts';
import type { Mark } from './journal-format.ts';
import {
  checksumsBytesOf,
  decodeDescription,
  descriptionBytesMax,
  readRecordStamp,
  readTrailer,
  type Stamp,
  stampBytes,
} from './page-stamp.ts';

const filesAtOnce = 16;
/** A key of 1,024 bytes, a version and a mount. */
const usualDescriptionBytesMax = 1536;

/**
 * Bytes of page files that no row tells of, by their folders, as their names say: they are on disk from the
 * beginning, so their room is counted before anything new can take it. Packs are counted whole anyway.
 */
export async function countUnknown(
  directory: DirectoryFiles,
  { mark, folders }: { mark: Mark; folders: readonly number[] },
): Promise<ReadonlyMap<number, number>> {
  const counted = new Map<number, number>();
  const unknown = folders.filter((folder) => folder >= mark.folder);
  for (let at = 0; at < unknown.length; at += filesAtOnce) {
    await Promise.all(
      unknown.slice(at, at + filesAtOnce).map(async (folder) => {
        const bytes = await unknownBytesIn(directory, folder);
        directory.budget.count(bytes);
        counted.set(folder, bytes);
      }),
    );
  }
  return counted;
}

async function unknownBytesIn(directory: DirectoryFiles, folder: number): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory.layout.folder(folder)).catch(() => [])) {
    const named = pageOfName(name);
    if (named && !isKnown(directory, folder, named)) bytes += pageFileBytesMax(named.lengthBytes);
  }
  return bytes;
}

export interface ScanOptions {
  readonly mark: Mark;
  readonly packs: readonly number[];
  readonly folders: ReadonlyMap<number, number>;
  readonly onUnreadable: (error: unknown) => void;
}

/**
 * Only what was there when it began: what is being written now has its own row soon.
 * @param folders with the bytes of each that are counted (`countUnknown`): they are known in the end, or given
 */
export async function scanDirectory(
  directory: DirectoryFiles,
  { mark, packs, folders, onUnreadable }: ScanOptions,
): Promise<number> {
  let found = 0;
  for (const pack of packs) {
    if (pack < mark.pack) continue;
    try {
      found += await scanPack(directory, pack, pack === mark.pack ? mark.packBytes : 0);
    } catch (error) {
      // Its pages are lost, those of others are not.
      onUnreadable(error);
    }
  }
  for (const [folder, countedBytes] of folders) found += await scanFolder(directory, folder, countedBytes);
  return found;
}

async function scanPack(directory: DirectoryFiles, number: number, from: number): Promise<number> {
  if (directory.packs.bytesOf(number) <= from) return 0;
  const bytes = await readFile(directory.layout.pack(number));
  let found = 0;
  for (const { stamp, at, storedBytes, description } of recordsIn(bytes, from)) {
    const { pack, offset } = { pack: number, offset: at };
    if (takeIn(directory, stamp, { pack, offset, storedBytes, description })) {
      directory.packs.live(number, storedBytes);
      found += 1;
    }
  }
  return found;
}

export interface FoundRecord {
  readonly stamp: Stamp;
  readonly at: number;
  readonly storedBytes: number;
  readonly description: Buffer;
}

/** The sound records of a pack, up to the first that is not. */
export function* recordsIn(bytes: Buffer, from: number): Generator<FoundRecord> {
  for (let at = from; ; ) {
    const stamp = readRecordStamp(bytes.subarray(at));
    if (!stamp) return;
    const descriptionAt = at + stampBytes + stamp.lengthBytes;
    const end = descriptionAt + stamp.descriptionBytes;
    if (end > bytes.byteLength) return;
    yield { stamp, at, storedBytes: end - at, description: bytes.subarray(descriptionAt, end) };
    at = end;
  }
}

async function scanFolder(directory: DirectoryFiles, folder: number, countedBytes: number): Promise<number> {
  const path = directory.layout.folder(folder);
  const names = await readdir(path).catch(() => []);
  const room = new CountedRoom(directory.budget, countedBytes);
  let found = 0;
  try {
    for (let at = 0; at < names.length; at += filesAtOnce) {
      const taken = await Promise.all(
        names.slice(at, at + filesAtOnce).map((name) => scanFile(directory, { folder, path, name, room })),
      );
      found += taken.filter(Boolean).length;
    }
  } finally {
    room.close();
  }
  return found;
}

/** What is counted of a folder, for files that turn out to be pages. */
class CountedRoom {
  readonly #budget: DiskBudget;
  #leftBytes: number;

  constructor(budget: DiskBudget, countedBytes: number) {
    this.#budget = budget;
    this.#leftBytes = countedBytes;
  }

  /** False where there is more on disk than there should be. */
  tryTake(bytes: number): boolean {
    const countedBytes = Math.min(bytes, this.#leftBytes);
    if (!this.#budget.tryTake(bytes - countedBytes)) return false;
    this.#leftBytes -= countedBytes;
    return true;
  }

  /** Of a file that was not taken in. */
  drop(bytes: number, isGone: boolean): void {
    const countedBytes = Math.min(bytes, this.#leftBytes);
    this.#leftBytes -= countedBytes;
    if (isGone) this.#budget.give(countedBytes);
  }

  close(): void {
    this.drop(this.#leftBytes, true);
  }
}

interface ScannedFile {
  readonly folder: number;
  /** Of the folder. */
  readonly path: string;
  readonly name: string;
  readonly room: CountedRoom;
}

async function scanFile(
  directory: DirectoryFiles,
  { folder, path, name, room }: ScannedFile,
): Promise<boolean> {
  const named = pageOfName(name);
  if (named && isKnown(directory, folder, named)) return false;
  const filePath = join(path, name);
  const file = named && (await readStampedFile(filePath, named.lengthBytes));
  const { set, index } = named?.page ?? {};
  let takenBytes = 0;
  if (file && file.stamp.set === set && file.stamp.index === index && room.tryTake(file.storedBytes)) {
    const { storedBytes, description } = file;
    if (takeIn(directory, file.stamp, { pack: -1, offset: folder, storedBytes, description })) {
      directory.files.count(folder);
      return true;
    }
    takenBytes = storedBytes;
  }
  const isGone = await isRemoved(filePath);
  if (takenBytes === 0) room.drop(named ? pageFileBytesMax(named.lengthBytes) : 0, isGone);
  else if (isGone) directory.budget.give(takenBytes);
  return false;
}

function isRemoved(path: string): Promise<boolean> {
  return unlink(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}

function isKnown(
  { table, number }: DirectoryFiles,
  folder: number,
  { page, lengthBytes }: NonNullable<ReturnType<typeof pageOfName>>,
): boolean {
  const row = table.find(page.set, page.index);
  if (row === noRow || table.directoryOf(row) !== number) return false;
  return table.packOf(row) < 0 && table.offsetOf(row) === folder && table.lengthOf(row) === lengthBytes;
}

/** What a page file takes, at most, by its length. */
function pageFileBytesMax(lengthBytes: number): number {
  return diskBytesOf(lengthBytes + checksumsBytesOf(lengthBytes) + stampBytes + usualDescriptionBytesMax);
}

/** The stamp and description of a page file that is as long as they say. */
async function readStampedFile(path: string, lengthBytes: number) {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const trailerBytes = checksumsBytesOf(lengthBytes) + stampBytes;
      const behind = size - lengthBytes;
      if (behind < trailerBytes || behind > trailerBytes + descriptionBytesMax) return undefined;
      const bytes = Buffer.alloc(behind);
      await file.read(bytes, 0, behind, lengthBytes);
      const stamp = readTrailer(bytes, lengthBytes);
      if (!stamp || stamp.descriptionBytes !== behind - trailerBytes) return undefined;
      return { stamp, storedBytes: diskBytesOf(size), description: bytes.subarray(trailerBytes) };
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** The objects of stored pages, from the pages themselves: where the catalogue is damaged. Never throws. */
export async function* describedByPages(directory: DirectoryFiles): AsyncGenerator<DescribedSet[]> {
  for (const number of directory.packs.numbers) {
    const bytes = await readFile(directory.layout.pack(number)).catch(() => Buffer.alloc(0));
    const described: DescribedSet[] = [];
    for (const { stamp, description } of recordsIn(bytes, 0)) {
      const of = decodeDescription(description);
      if (of) described.push({ set: stamp.set, of });
    }
    yield described;
  }
  for (const row of directory.table.rowsIn(directory.number)) {
    const { pack, offset, lengthBytes, ...page } = directory.rowOf(row);
    if (pack >= 0) continue;
    const file = await readStampedFile(directory.layout.pageFile(offset, page, lengthBytes), lengthBytes);
    const of = file && decodeDescription(file.description);
    if (of) yield [{ set: page.set, of }];
  }
}

function takeIn(
  directory: DirectoryFiles,
  stamp: Stamp,
  of: { pack: number; offset: number; storedBytes: number; description: Buffer },
): boolean {
  const { pack, offset, storedBytes, description } = of;
  const object = decodeDescription(description);
  if (!object || crc32(description) !== stamp.descriptionChecksum) return false;
  if (directory.table.find(stamp.set, stamp.index) !== noRow) return false;
  const { set, index, lengthBytes, seal, filledAtSeconds } = stamp;
  const scope = directory.scopes.numberOf(object.mountPath);
  const terms = { scope, priority: 'normal', pinned: false, filledAtSeconds } as const;
  const row = { set, index, pack, offset, lengthBytes, seal, storedBytes, ...terms };
  directory.addRow(row);
  directory.catalogue.describe(set, Buffer.from(description));
  directory.journal.added(row);
  return true;
}
