/** Which page directories a node has: those of `--cache-dir`, or one below the data directory. */
import { resolve } from 'node:path';
import { parseSizeBytes } from '@forebay/core/bytes';
import { ConfigError } from '@forebay/core/config';

export interface DirectorySetting {
  /** Absolute. */
  readonly path: string;
  readonly sizeBytesMax: number;
}

/** @throws ConfigError where one stands twice or its size is no size. */
export function pageDirectoriesOf(
  settings: { readonly cacheDirs: readonly string[]; readonly cacheSizeBytes: number },
  defaultPath: string,
): DirectorySetting[] {
  const { cacheDirs, cacheSizeBytes } = settings;
  if (cacheDirs.length === 0) {
    return cacheSizeBytes === 0 ? [] : [{ path: resolve(defaultPath), sizeBytesMax: cacheSizeBytes }];
  }
  const directories = cacheDirs.map((text) => directoryOf(text, cacheSizeBytes));
  for (const [at, { path }] of directories.entries()) {
    if (directories.findIndex((other) => other.path === path) < at) {
      throw new ConfigError(`--cache-dir: ${path} stands there twice`);
    }
  }
  return directories;
}

/** Split at the last `=`: a path may hold one where a size follows. */
function directoryOf(text: string, cacheSizeBytes: number): DirectorySetting {
  const at = text.lastIndexOf('=');
  if (at < 0) return { path: resolve(text), sizeBytesMax: cacheSizeBytes };
  const sizeBytesMax = parseSizeBytes(text.slice(at + 1));
  if (sizeBytesMax === undefined || at === 0) {
    throw new ConfigError(`--cache-dir: "${text}" is not allowed; allowed is /disk1/pages=500GiB`);
  }
  return { path: resolve(text.slice(0, at)), sizeBytesMax };
}
