/** A disk that fails on demand: faulty-disk.c, compiled once and preloaded into a server under test. */
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { has } from './install.ts';
import { type Environment, mustRun } from './process.ts';
import { tempDir } from './temp.ts';

const { EIO, ENOSPC, EROFS } = constants.errno;
const spoils = { healthy: 0, EIO, ENOSPC, EROFS, half: 255, flipped: 254 } as const;
export type Spoil = keyof typeof spoils;

/** What calls on the disk become. Calls that are not named are healthy. */
export interface DiskFaults {
  /** `half`: less than was asked comes, `flipped`: with a wrong bit. Listing a directory is reading it. */
  readonly reads?: Spoil;
  readonly writes?: Spoil;
  readonly opens?: Spoil;
  /** Removing and renaming files. */
  readonly removes?: Spoil;
}

export interface FaultyDisk {
  /** For the process whose disk it is. */
  readonly env: Environment;
  /** From now on. */
  fail(faults: DiskFaults): void;
  /** As `fail({})`. @returns how many calls were spoilt since the last `heal` */
  heal(): number;
}

/** @throws Error where there is no compiler: a test that does not run must not look like one that passes */
export async function faultyDisk(directory: string): Promise<FaultyDisk> {
  const compiler = (await has('cc', '--version')) ? 'cc' : 'gcc';
  if (!(await has(compiler, '--version'))) {
    throw new Error(
      'faults of the disk need a C compiler: install gcc (Debian, Ubuntu: apt-get install gcc)',
    );
  }
  const home = tempDir('faulty-disk');
  const [library, control] = [join(home, 'faulty-disk.so'), join(home, 'control')];
  const source = resolve(import.meta.dirname, 'faulty-disk.c');
  await mustRun(compiler, ['-shared', '-fPIC', '-O1', '-Wall', '-o', library, source, '-ldl']);
  writeFileSync(control, Buffer.alloc(16));
  const fail = ({ reads, writes, opens, removes }: DiskFaults) =>
    write(
      control,
      [reads, writes, opens, removes].map((spoil) => spoils[spoil ?? 'healthy']),
      0,
    );
  return {
    env: { LD_PRELOAD: library, FAULTY_DISK_CONTROL: control, FAULTY_DISK_DIR: resolve(directory) },
    fail,
    heal: () => {
      fail({});
      const count = readCount(control);
      write(control, Array<number>(8).fill(0), 8);
      return count;
    },
  };
}

function write(path: string, bytes: readonly number[], at: number): void {
  const file = openSync(path, 'r+');
  try {
    writeSync(file, Buffer.from(bytes), 0, undefined, at);
  } finally {
    closeSync(file);
  }
}

function readCount(path: string): number {
  const file = openSync(path, 'r');
  try {
    const bytes = new BigUint64Array(1);
    readSync(file, bytes, 0, 8, 8);
    return Number(bytes[0]);
  } finally {
    closeSync(file);
  }
}
