import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allCell, cellOf, cellsBytes } from '@forebay/core/changes';
import { syscalls } from '@forebay/core/syscalls';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../test/support/temp.ts';
import { makeCells, openCells, voidCells } from './shared-cells.ts';

describe.skipIf(!syscalls())('cells that processes share', () => {
  it('shows all who map them what one of them counts', () => {
    const path = join(tempDir('cells'), 'cells');
    const [one, other] = [makeCells(path), openCells(path)];
    const cell = cellOf('s3:x/lake\0key');
    expect(other.valueOf(cell)).toBe(0);
    one.changed('s3:x/lake\0key');
    expect(other.valueOf(cell)).toBe(1);
    expect(other.valueOf(allCell)).toBe(0);
  });

  it('makes void what whoever maps those of an earlier start knows', () => {
    const path = join(tempDir('cells'), 'cells');
    makeCells(path);
    const halted = openCells(path);
    voidCells(path);
    expect(halted.valueOf(allCell)).toBe(1);
    expect(makeCells(path).valueOf(allCell)).toBe(0);
  });

  it('have their room on disk from the beginning: a disk that fills up later ends no process', () => {
    const path = join(tempDir('cells'), 'cells');
    makeCells(path);
    expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(cellsBytes);
  });

  it('of a start that was killed while it made them are no obstacle', () => {
    const path = join(tempDir('cells'), 'cells');
    writeFileSync(path, '');
    expect(() => openCells(path)).toThrow('too short');
    voidCells(path);
    expect(makeCells(path).valueOf(allCell)).toBe(0);
  });
});
