/** The cells in memory that all processes of one `serve` map: a file that has no name any more once they do. */
import { closeSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import { Cells, cellsBytes } from '@forebay/core/changes';
import { syscalls } from '@forebay/core/syscalls';

/** Makes the file anew: nothing of an earlier start is in it. @throws Error where it cannot be mapped */
export function makeCells(path: string): Cells {
  rmSync(path, { force: true });
  const file = openSync(path, 'wx+', 0o600);
  try {
    ftruncateSync(file, cellsBytes);
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
  return new Cells(calls.mapShared(file, cellsBytes));
}
