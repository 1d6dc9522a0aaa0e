import {
  fsyncSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadSyscalls, syscalls } from './syscalls.ts';

const folder = mkdtempSync(join(tmpdir(), 'forebay-test-syscalls-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pathOf = (name: string) => join(folder, name);

function fileOf(name: string, text: string): number {
  const file = openSync(pathOf(name), 'w+');
  writeSync(file, text);
  return file;
}

describe.runIf(process.platform === 'linux')('system calls', () => {
  const calls = syscalls()!;

  it('are there on Linux', () => {
    expect(syscalls()).toBeDefined();
  });

  it('send part of a file to another descriptor', () => {
    const from = fileOf('from', '0123456789');
    const to = fileOf('to', '');
    expect(calls.sendfile(to, from, 3, 4)).toBe(4);
    expect(readFileSync(pathOf('to'), 'utf8')).toBe('3456');
    expect(calls.sendfile(to, from, 10, 4)).toBe(0);
  });

  it('tell the error number of what fails', () => {
    expect(calls.sendfile(99_999, 99_998, 0, 1)).toBe(-9);
    expect(() => calls.mapShared(99_999, 4096)).toThrow('error 9');
  });

  it('move bytes through a pipe, and do not wait for more', () => {
    const from = openSync(pathOf('from'), 'r');
    const [out, into] = calls.pipe(64 * 1024);
    expect(calls.splice(from, into, 6)).toBe(6);
    const buffer = Buffer.alloc(6);
    readSync(out, buffer);
    expect(buffer.toString()).toBe('012345');
    expect(calls.splice(out, openSync(pathOf('to'), 'r+'), 6)).toBe(-11);
  });

  it('make pipes as large as they are asked for', () => {
    fileOf('large', 'x'.repeat(400_000));
    const file = openSync(pathOf('large'), 'r');
    const [, small] = calls.pipe(64 * 1024);
    const [, large] = calls.pipe(512 * 1024);
    expect(calls.splice(file, small, 400_000)).toBe(64 * 1024);
    let filled = 0;
    for (let moved = 1; moved > 0; filled += Math.max(0, moved)) moved = calls.splice(file, large, 400_000);
    expect(filled).toBe(400_000 - 64 * 1024);
  });
});

describe.runIf(process.platform === 'linux').each([
  ['cachestat', true],
  ['mincore', false],
])('system calls about memory, with %s', (name, cachestat) => {
  const calls = loadSyscalls({ cachestat })!;

  it('know what is in memory: what was just written is', () => {
    const file = fileOf(`resident-${name}`, 'x'.repeat(10_000));
    expect(calls.residentBytes(file, 0, 10_000)).toBe(10_000);
    expect(calls.residentBytes(file, 4095, 2)).toBe(2);
    expect(calls.residentBytes(99_999, 0, 1)).toBeUndefined();
  });

  it('let a file leave memory that is on the disk', () => {
    const file = fileOf(`left-${name}`, 'x'.repeat(10_000));
    fsyncSync(file);
    expect(calls.leaveMemory(file, 0, 10_000)).toBe(0);
    expect(calls.residentBytes(file, 0, 10_000)).toBe(0);
  });

  it('read nothing beyond what is asked for, where they are told so', () => {
    const path = pathOf(`narrow-${name}`);
    const file = fileOf(`narrow-${name}`, 'x'.repeat(1_000_000));
    fsyncSync(file);
    calls.leaveMemory(file, 0, 1_000_000);
    const reader = openSync(path, 'r');
    expect(calls.readNothingMore(reader)).toBe(0);
    readSync(reader, Buffer.alloc(4096), 0, 4096, 0);
    expect(calls.residentBytes(reader, 0, 1_000_000)).toBe(4096);
    expect(calls.readNothingMore(99_999)).toBe(-9);
  });

  it('map a file into memory that is shared', () => {
    const file = openSync(pathOf('shared'), 'w+');
    ftruncateSync(file, 4096);
    const mine = new Int32Array(calls.mapShared(file, 4096));
    const theirs = new Int32Array(calls.mapShared(file, 4096));
    Atomics.store(mine, 7, 42);
    expect(Atomics.load(theirs, 7)).toBe(42);
  });
});
