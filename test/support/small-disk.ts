/** A small file system of its own (tmpfs), which a test fills up or makes read-only. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { MiB } from '@forebay/core/bytes';
import { atEnd } from './at-end.ts';

export interface SmallDisk {
  readonly directory: string;
  /** Takes every block that is left, as a stranger on the same disk does. */
  fillUp(): void;
  /** Gives back what `fillUp` took. */
  makeRoom(): void;
  makeReadOnly(): void;
  makeWritable(): void;
  unmount(): void;
}

/**
 * Mounts it on a directory. Only root may; sudo without a password will do. @throws Error with what is
 * missing: a test of this that does not run must not look like one that passes
 */
export function mountSmallDisk(directory: string, sizeBytes: number): SmallDisk {
  mkdirSync(directory, { recursive: true });
  asRoot('mount', '-t', 'tmpfs', '-o', `size=${sizeBytes},mode=1777`, 'forebay-test', directory);
  const unmount = () => asRoot('umount', '--lazy', directory);
  const takeBack = atEnd(unmount);
  const stranger = join(directory, 'stranger');
  const remount = (how: 'ro' | 'rw') => asRoot('mount', '-o', `remount,${how}`, directory);
  return {
    directory,
    fillUp: () => {
      const file = openSync(stranger, 'a');
      try {
        // The last blocks singly: nothing is left over.
        for (const sizeBytes of [MiB, 4096]) while (canAppend(file, sizeBytes));
      } finally {
        closeSync(file);
      }
    },
    makeRoom: () => rmSync(stranger, { force: true }),
    makeReadOnly: () => remount('ro'),
    makeWritable: () => remount('rw'),
    unmount: () => {
      takeBack();
      unmount();
    },
  };
}

function canAppend(file: number, sizeBytes: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(sizeBytes)) === sizeBytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}

function asRoot(...command: readonly string[]): void {
  const [program, ...args] = process.getuid?.() === 0 ? command : ['sudo', '-n', ...command];
  const { status, error, stderr } = spawnSync(program!, args, { encoding: 'utf8' });
  if (status === 0) return;
  const said = error?.message ?? stderr.trim();
  throw new Error(`a disk for a test needs mount (root, or sudo without a password): ${said}`);
}
