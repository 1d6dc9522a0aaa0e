/** The calls to the file system that the info log makes: a door for full and bad disks in tests. */
import type * as fs from 'node:fs';

export type LogFiles = Pick<
  typeof fs,
  | 'closeSync'
  | 'fstatSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'mkdirSync'
  | 'openSync'
  | 'read'
  | 'readFileSync'
  | 'readSync'
  | 'readdirSync'
  | 'renameSync'
  | 'rmSync'
  | 'unlinkSync'
  | 'writeFile'
  | 'writeFileSync'
  | 'writeSync'
>;

/** All of them, however few a call writes at a time. @throws Error */
export function writeAll(files: LogFiles, descriptor: number, bytes: Buffer, position: number): void {
  let written = 0;
  while (written < bytes.length) {
    written += files.writeSync(descriptor, bytes, written, bytes.length - written, position + written);
  }
}

/** As many as there are, up to `length`. @throws Error */
export function readAll(
  files: LogFiles,
  descriptor: number,
  into: { bytes: Buffer; at: number; length: number; position: number },
): number {
  let read = 0;
  while (read < into.length) {
    const got = files.readSync(
      descriptor,
      into.bytes,
      into.at + read,
      into.length - read,
      into.position + read,
    );
    if (got === 0) break;
    read += got;
  }
  return read;
}

/** Beside the old one, then in its place, all at once. @throws Error */
export function replaceFile(files: LogFiles, path: string, bytes: Uint8Array | string): void {
  const asidePath = `${path}.tmp`;
  files.writeFileSync(asidePath, bytes, { mode: 0o600 });
  files.renameSync(asidePath, path);
}

/** Makes what was written to a file, or the names in a directory, outlive the machine. @throws Error */
export function syncPath(files: LogFiles, path: string): void {
  const descriptor = files.openSync(path, 'r');
  try {
    files.fsyncSync(descriptor);
  } finally {
    files.closeSync(descriptor);
  }
}
