/** The cells in memory that all processes of one `serve` map: a file in its data directory. */
import { closeSync, existsSync, fstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { Cells, cellsBytes } from '@forebay/core/changes';
import { syscalls } from '@forebay/core/syscalls';

/**
 * Before this process is home: workers of an earlier one that was killed end with it, but one that is halted
 * may wake up later. Whatever such a worker knows is void from now on.
 */
export function voidCells(path: string): void {
  if (!existsSync(path)) return;
  try {
    openCells(path).allChanged();
  } catch {
    // Without shared memory there never was a worker.
  }
  rmSync(path, { force: true });
}

/**
 * @param path where there is no file
 * @throws Error where it cannot be mapped, or the disk has no room for it
 */
export function makeCells(path: string): Cells {
  const file = openSync(path, 'wx+', 0o600);
  try {
    // Written, not only made long: a count on a part without room on a full disk would end the process.
    if (writeSync(file, Buffer.alloc(cellsBytes)) < cellsBytes) throw new Error('the disk is full');
    return mapped(file);
  } finally {
    closeSync(file);
  }
}

/** @throws Error where it cannot be mapped */
export function openCells(path: string): Cells {
  const file = openSync(path, 'r+');
  try {
    return mapped(file);
  } finally {
    closeSync(file);
  }
}

function mapped(file: number): Cells {
  const calls = syscalls();
  if (!calls) throw new Error('koffi is not installed, or not for this system');
  // Whoever looks behind a file's end is ended (SIGBUS).
  if (fstatSync(file).size < cellsBytes) throw new Error('the file of the cells is too short');
  return new Cells(calls.mapShared(file, cellsBytes));
}
