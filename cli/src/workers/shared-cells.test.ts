import { join } from 'node:path';
import { allCell, cellOf } from '@forebay/core/changes';
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
});
