/**
 * Directories below the mounted one, opened so that no symbolic link leads elsewhere: a link in place of a
 * directory is no directory here. On Linux everything inside is then reached through the descriptor, so
 * that a directory swapped for a link in between changes nothing.
 */
import { constants, existsSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readlink, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasCode, isAbsent } from './fs-errors.ts';
import { hiddenName } from './layout.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const descriptors = '/proc/self/fd';
const hasDescriptorPaths = existsSync(descriptors);

export class RealDirectory {
  readonly path: string;
  readonly #handle: FileHandle;

  constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** A path that leads into this very directory, good while it is open. */
  get innerPath(): string {
    return hasDescriptorPaths ? `${descriptors}/${this.#handle.fd}` : this.path;
  }

  child(name: string): string {
    return `${this.innerPath}/${name}`;
  }

  /** Makes the names in it durable. */
  sync(): Promise<void> {
    return this.#handle.sync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** The tree below the mounted directory, which itself may be reached through links. */
export class RealTree {
  readonly directory: string;
  #real: string | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Undefined where there is no such directory, or a link on the way to it. */
  async open(segments: readonly string[]): Promise<RealDirectory | undefined> {
    const path = join(this.directory, ...segments);
    let handle: FileHandle;
    try {
      handle = await open(path, O_RDONLY | O_DIRECTORY);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
    let isReal = false;
    try {
      isReal = await this.#isAt(await realPathOf(handle, path), segments);
      return isReal ? new RealDirectory(path, handle) : undefined;
    } finally {
      if (!isReal) await handle.close();
    }
  }

  /**
   * The directory, made where it is missing; undefined where something else is in the way.
   * @throws ENOENT where it was taken away again meanwhile
   */
  async make(segments: readonly string[]): Promise<RealDirectory | undefined> {
    const there = await this.open(segments);
    if (there) return there;
    let parent = await this.open([]);
    for (const segment of segments) {
      if (!parent) return undefined;
      parent = await openChild(parent, segment);
    }
    return parent;
  }

  /**
   * Whether an open file is the one at its path below the mounted directory, or what a link there leads to
   * within it. The hidden area is no part of that.
   */
  async holds(handle: FileHandle, segments: readonly string[]): Promise<boolean> {
    const path = join(this.directory, ...segments);
    const real = await realPathOf(handle, path);
    const parents = segments.slice(0, -1);
    if (await this.#isAt(dirname(real), parents)) return true;
    const entry = await lstat(path).catch(() => undefined);
    if (!entry?.isSymbolicLink()) return false;
    if (!(await this.#isAt(await realpath(dirname(path)).catch(() => ''), parents))) return false;
    const root = await this.#realRoot();
    return real.startsWith(`${root}/`) && !real.startsWith(`${root}/${hiddenName}/`);
  }

  async #isAt(real: string, segments: readonly string[]): Promise<boolean> {
    if (this.#real !== undefined && real === join(this.#real, ...segments)) return true;
    // The mounted directory may have been replaced, or reached through another link, since it was last
    // resolved.
    this.#real = undefined;
    return real === join(await this.#realRoot(), ...segments);
  }

  async #realRoot(): Promise<string> {
    this.#real ??= await realpath(this.directory);
    return this.#real;
  }
}

/** Takes the parent over and closes it. */
async function openChild(parent: RealDirectory, name: string): Promise<RealDirectory | undefined> {
  try {
    return await openOrMakeChild(parent, name);
  } finally {
    await parent.close();
  }
}

async function openOrMakeChild(parent: RealDirectory, name: string): Promise<RealDirectory | undefined> {
  const path = parent.child(name);
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
  for (let attempt = 0; attempt < 8; attempt += 1) {
    try {
      return new RealDirectory(join(parent.path, name), await open(path, flags));
    } catch (error) {
      if (!isAbsent(error)) throw error;
      if (!hasCode(error, 'ENOENT')) return undefined;
    }
    try {
      await mkdir(path);
      await parent.sync();
    } catch (error) {
      if (hasCode(error, 'EEXIST')) continue;
      if (isAbsent(error) && !hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }
  return undefined;
}

/** Of an open file, wherever its path leads by now. */
async function realPathOf(handle: FileHandle, path: string): Promise<string> {
  if (!hasDescriptorPaths) return realpath(path).catch(() => '');
  const target = await readlink(`${descriptors}/${handle.fd}`);
  return target.endsWith(' (deleted)') ? target.slice(0, -' (deleted)'.length) : target;
}
