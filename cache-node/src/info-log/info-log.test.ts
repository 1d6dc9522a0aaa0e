import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@forebay/core/log';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../test/support/until.ts';
import type { InfoRecord } from '../info-store/record.ts';
import { FaultyFiles } from '../testing/faulty-files.ts';
import { TestClock } from '../testing/kit.ts';
import { InfoLog } from './info-log.ts';

const MiB = 1024 * 1024;
let root: string;
let clock: TestClock;
let disk: FaultyFiles;
const logs: InfoLog[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'forebay-info-log-'));
  clock = new TestClock();
  disk = new FaultyFiles();
});
afterEach(() => {
  disk = new FaultyFiles();
  for (const log of logs.splice(0)) log.close();
  rmSync(root, { recursive: true, force: true });
});

interface TestOptions {
  readonly directory?: string;
  readonly sizeBytesMax?: number;
  readonly ttlMs?: number;
  readonly bootId?: string;
  readonly replayBytesMax?: number;
}

function openLog(options: TestOptions = {}): InfoLog {
  const log = new InfoLog({
    directory: options.directory ?? join(root, 'info'),
    sizeBytesMax: options.sizeBytesMax ?? 4 * MiB,
    ttlMs: options.ttlMs ?? 0,
    replayBytesMax: options.replayBytesMax ?? 32 * MiB,
    bootId: options.bootId ?? 'boot 1',
    clock,
    log: silentLog,
    files: disk.files,
  });
  logs.push(log);
  return log;
}

let copies = 0;
/** The files as another process would find them, were this one killed now. */
function copyOf(directory = join(root, 'info')): string {
  copies += 1;
  const copy = join(root, `copy-${copies}`);
  cpSync(directory, copy, { recursive: true });
  return copy;
}

function recordOf(etag: string, padding = 0): InfoRecord {
  const headers = [
    ['content-type', 'text/plain'],
    ['x-amz-meta-padding', 'x'.repeat(padding)],
  ] as const;
  const fixed = { sizeBytes: 5, lastModifiedMs: 1e12, versionId: undefined, checksumsKnown: true };
  const info = { ...fixed, etag, headers };
  const sent = { sentAtMs: clock.nowMs, sentAtWallMs: clock.wallMs(), tenure: 'tenure', stamp: 3 };
  return { content: { kind: 'object', info }, ...sent };
}

const etagOf = (log: InfoLog, key: string, slot = '/lake') => {
  const content = log.get(key, slot)?.content;
  return content?.kind === 'object' ? content.info.etag : undefined;
};

function sizeOf(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

describe('a record', () => {
  it('comes back as it was, with whatever a UFS may say', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant('é'));
    const info = fc.record({
      sizeBytes: fc.maxSafeNat(),
      etag: fc.option(text, { nil: undefined }),
      lastModifiedMs: fc.maxSafeInteger(),
      versionId: fc.option(text, { nil: undefined }),
      headers: fc.array(fc.tuple(fc.oneof(text, fc.constant('content-type')), text)),
      checksumsKnown: fc.boolean(),
    });
    const log = openLog();
    fc.assert(
      fc.property(fc.string(), info, fc.nat(), fc.maxSafeNat(), (slot, info, sentAtMs, stamp) => {
        const sent = { sentAtMs, sentAtWallMs: clock.wallMs(), tenure: 'now', stamp };
        log.put('key', slot, { content: { kind: 'object', info }, ...sent });
        expect(log.get('key', slot)).toEqual({
          content: { kind: 'object', info },
          ...sent,
          isDoubtful: false,
        });
      }),
      { numRuns: 300 },
    );
  });

  it('outlives the process from the moment on in which it is flushed', () => {
    const log = openLog();
    log.put('a', '/lake', recordOf('"1"'));
    expect(etagOf(openLog({ directory: copyOf() }), 'a')).toBeUndefined();
    log.flush();
    expect(etagOf(openLog({ directory: copyOf() }), 'a')).toBe('"1"');
  });

  it('holds every mount and version of an object, and drops them together', () => {
    const log = openLog();
    log.put('a', '/lake', recordOf('"1"'));
    log.put('a', '/other', recordOf('"2"'));
    log.put('a', '/lake', recordOf('"3"'));
    expect([etagOf(log, 'a'), etagOf(log, 'a', '/other'), log.count]).toEqual(['"3"', '"2"', 1]);
    log.delete('a');
    expect([etagOf(log, 'a'), etagOf(log, 'a', '/other'), log.count]).toEqual([undefined, undefined, 0]);
  });

  it('forgets the oldest versions of an object rather than grow without end', () => {
    const log = openLog();
    for (let version = 0; version < 40; version += 1) log.put('a', `"v${version}"/lake`, recordOf('"1"'));
    expect(etagOf(log, 'a', '"v7"/lake')).toBeUndefined();
    expect(etagOf(log, 'a', '"v8"/lake')).toBe('"1"');
  });

  it('is not kept where it is too large, and neither is what it replaces', () => {
    const log = openLog();
    log.put('a', '/lake', recordOf('"1"'));
    log.put('a', '/lake', recordOf('"2"', 100_000));
    expect([etagOf(log, 'a'), log.count]).toEqual([undefined, 0]);
  });

  it('is void once its TTL is over, and goes with its segment', async () => {
    const log = openLog({ ttlMs: 60_000 });
    log.put('a', '/lake', recordOf('"1"'));
    clock.advance(60_000);
    expect(etagOf(log, 'a')).toBe('"1"');
    clock.advance(1);
    expect(etagOf(log, 'a')).toBeUndefined();
    const first = segmentsIn(join(root, 'info'))[0]!;
    for (let index = 0; index < 200; index += 1) log.put(`b${index}`, '/lake', recordOf('"1"', 1000));
    clock.advance(60_001);
    for (let index = 0; index < 200; index += 1) log.put(`c${index}`, '/lake', recordOf('"1"', 1000));
    await until('the first segment is gone', () => !segmentsIn(join(root, 'info')).includes(first));
    expect(etagOf(log, 'c199')).toBe('"1"');
  });

  it('is of this tenure only where this one installed it', () => {
    const log = openLog();
    log.put('a', '/lake', recordOf('"1"'));
    expect(log.get('a', '/lake')?.tenure).toBe('tenure');
    log.put('b', '/lake', { ...recordOf('"1"'), tenure: 'later' });
    expect(log.get('a', '/lake')?.tenure).toBe('');
    log.close();
    expect(openLog().get('b', '/lake')?.tenure).toBe('');
  });
});

describe('the budget', () => {
  it('holds on disk at every moment, whatever is put and dropped, and the newest stay', async () => {
    const log = openLog({ sizeBytesMax: 2 * MiB });
    const directory = join(root, 'info');
    for (let index = 0; index < 20_000; index += 1) {
      log.put(`k${index % 7000}`, '/lake', recordOf(`"${index}"`, index % 900));
      if (index % 5 === 0) log.delete(`k${(index * 7) % 7000}`);
      if (index % 50 === 0) {
        expect(sizeOf(directory)).toBeLessThanOrEqual(2 * MiB);
        await new Promise(setImmediate);
      }
    }
    log.put('last', '/lake', recordOf('"last"'));
    expect(etagOf(log, 'last')).toBe('"last"');
    expect(log.count).toBeGreaterThan(1000);
  });

  it('counts no more entries than can be found', async () => {
    const log = openLog({ sizeBytesMax: 2 * MiB });
    for (let index = 0; index < 9000; index += 1) log.put(`k${index}`, '/lake', recordOf('"1"', 500));
    const found = Array.from({ length: 9000 }, (_, index) => etagOf(log, `k${index}`)).filter(Boolean);
    expect(found.length).toBe(log.count);
    expect(etagOf(log, 'k0')).toBeUndefined();
    expect(etagOf(log, 'k8999')).toBe('"1"');
  });

  it('keeps what is live while others are put again and again', async () => {
    const log = openLog({ sizeBytesMax: 4 * MiB });
    for (let index = 0; index < 1000; index += 1) log.put(`cold${index}`, '/lake', recordOf('"1"', 200));
    for (let round = 0; round < 200; round += 1) {
      for (let index = 0; index < 100; index += 1) log.put(`hot${index}`, '/lake', recordOf('"1"', 600));
      await until('dead records are gone', () => sizeOf(join(root, 'info')) < 3 * MiB);
    }
    expect(log.count).toBe(1100);
    log.close();
    expect(openLog().count).toBe(1100);
  });

  it('holds where the next start has a smaller one', () => {
    const log = openLog({ sizeBytesMax: 8 * MiB });
    for (let index = 0; index < 20_000; index += 1) log.put(`k${index}`, '/lake', recordOf('"1"', 200));
    log.close();
    const smaller = openLog({ sizeBytesMax: 2 * MiB });
    expect(sizeOf(join(root, 'info'))).toBeLessThanOrEqual(2 * MiB);
    expect(etagOf(smaller, 'k19999')).toBe('"1"');
  });
});

describe('a disk that fails', () => {
  it('is a place to forget on where it is full: older segments go, and drops are kept', () => {
    const log = openLog();
    for (let index = 0; index < 2000; index += 1) log.put(`k${index}`, '/lake', recordOf('"1"', 200));
    const before = log.count;
    const writeSync = disk.files.writeSync;
    let refused = 0;
    Object.assign(disk.files, {
      writeSync: (...args: Parameters<typeof writeSync>) => {
        if (refused > 0) return writeSync(...args);
        refused += 1;
        throw Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC' });
      },
    });
    log.delete('k1999');
    expect([etagOf(log, 'k1999'), etagOf(log, 'k1998'), refused]).toEqual([undefined, '"1"', 1]);
    expect(log.count).toBeLessThan(before - 1);
    expect(etagOf(openLog({ directory: copyOf() }), 'k1999')).toBeUndefined();
  });

  it('says so where a drop cannot be kept, and forgets it all when it is told to', () => {
    const log = openLog();
    log.put('a', '/lake', recordOf('"1"'));
    disk.writesFail = 'EIO';
    expect(() => log.delete('a')).toThrow(/EIO/);
    disk.writesFail = undefined;
    log.reset();
    log.put('b', '/lake', recordOf('"1"'));
    log.close();
    const next = openLog();
    expect([etagOf(next, 'a'), etagOf(next, 'b')]).toEqual([undefined, '"1"']);
  });

  it('is told of again by every drop until the one that it could not keep is kept', () => {
    const log = openLog();
    log.put('a', '/lake', recordOf('"1"'));
    log.put('b', '/lake', recordOf('"1"'));
    log.close();
    const next = openLog();
    disk.writesFail = 'EIO';
    for (const key of ['a', 'a', 'never put']) expect(() => next.delete(key)).toThrow(/EIO/);
    expect(() => next.put('b', '/lake', recordOf('"2"'))).toThrow(/EIO/);
    expect(() => next.put('b', '/lake', recordOf('"2"'))).toThrow(/EIO/);
    disk.writesFail = undefined;
    next.delete('a');
    const later = openLog({ directory: copyOf() });
    expect([etagOf(later, 'a'), etagOf(later, 'b')]).toEqual([undefined, '"2"']);
  });

  it('is told of by a drop that found no room, and by the same drop again', () => {
    const log = openLog();
    log.put('a', '/lake', recordOf('"1"'));
    log.close();
    const next = openLog();
    disk.writesFail = 'EIO';
    // Until the buffer is full.
    expect(() => {
      for (let index = 0; index < 300; index += 1) next.put(`k${index}`, '/lake', recordOf('"1"', 1000));
    }).toThrow(/EIO/);
    for (let attempt = 0; attempt < 2; attempt += 1) expect(() => next.delete('a')).toThrow(/EIO/);
    disk.writesFail = undefined;
    next.delete('a');
    expect(etagOf(openLog({ directory: copyOf() }), 'a')).toBeUndefined();
  });

  it('does not bring back what was replaced while it could not be read', () => {
    const log = openLog();
    log.put('a', '/lake', recordOf('"1"'));
    log.close();
    const next = openLog();
    disk.readsFail = true;
    next.put('a', '/lake', recordOf('"2"'));
    disk.readsFail = false;
    expect(etagOf(openLog({ directory: copyOf() }), 'a')).toBe('"2"');
  });

  it('has nothing to say where a record on it changed', () => {
    const log = openLog();
    log.put('a', '/lake', recordOf('"1"'));
    log.close();
    const path = segmentsIn(join(root, 'info'))[0]!;
    const bytes = readFileSync(path);
    const next = openLog();
    bytes[bytes.indexOf('text/plain')]! ^= 1;
    writeFileSync(path, bytes);
    expect(etagOf(next, 'a')).toBeUndefined();
  });
});

function segmentsIn(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.log'));
  return names.sort().map((name) => join(directory, name));
}

describe('damage', () => {
  it('lets nothing be trusted that came before it', () => {
    const log = openLog();
    for (const key of ['a', 'b', 'c']) log.put(key, '/lake', recordOf('"1"'));
    log.delete('a');
    log.close();
    const image = copyOf();
    const path = segmentsIn(image)[0]!;
    const sound = readFileSync(path);
    fc.assert(
      fc.property(fc.nat(sound.length * 8 - 1), (bit) => {
        const bytes = Buffer.from(sound);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        const directory = copyOf(image);
        writeFileSync(segmentsIn(directory)[0]!, bytes);
        const next = openLog({ directory });
        // Where the drop itself was hit, what it dropped may be seen again, but never trusted.
        for (const key of ['a', 'b', 'c']) {
          const known = next.get(key, '/lake');
          if (known) expect(etagOf(next, key)).toBe('"1"');
          if (known && key === 'a') expect(known.isDoubtful).toBe(true);
        }
        next.put('d', '/lake', recordOf('"4"'));
        expect(next.get('d', '/lake')).toMatchObject({ isDoubtful: false });
        next.close();
        rmSync(directory, { recursive: true });
      }),
      { numRuns: 100 },
    );
  });

  it('of the index on disk costs no more than a replay', () => {
    const directory = join(root, 'info');
    const log = openLog({ replayBytesMax: 65_536 });
    for (let index = 0; index < 500; index += 1) log.put(`k${index}`, '/lake', recordOf(`"${index}"`, 200));
    log.close();
    const pieces = readdirSync(directory).filter((name) => name.startsWith('index-'));
    expect(pieces).toHaveLength(256);
    for (const [at, name] of pieces.entries()) {
      const bytes = readFileSync(join(directory, name));
      bytes[Math.floor((at / pieces.length) * bytes.length)]! ^= 4;
      if (at % 2 === 0) writeFileSync(join(directory, name), bytes);
      else if (at % 3 === 0) rmSync(join(directory, name));
    }
    const next = openLog();
    expect(next.count).toBe(500);
    for (let index = 0; index < 500; index += 1) expect(etagOf(next, `k${index}`)).toBe(`"${index}"`);
  });

  it('of the end of the log hides no later record behind what the index knew of that end', () => {
    const log = openLog({ replayBytesMax: 65_536 });
    for (let index = 0; index < 500; index += 1) log.put(`k${index}`, '/lake', recordOf('"1"', 200));
    log.close();
    const last = segmentsIn(join(root, 'info')).at(-1)!;
    truncateSync(last, statSync(last).size - 20_000);
    const next = openLog({ bootId: 'boot 2' });
    expect(etagOf(next, 'k0')).toBe('"1"');
    expect(etagOf(next, 'k499')).toBeUndefined();
    next.put('later', '/lake', recordOf('"2"'));
    next.delete('k0');
    const again = openLog({ directory: copyOf(), bootId: 'boot 2' });
    expect([etagOf(again, 'k0'), etagOf(again, 'later')]).toEqual([undefined, '"2"']);
  });

  it('of the state means another log', () => {
    const log = openLog();
    log.put('a', '/lake', recordOf('"1"'));
    log.close();
    const path = join(root, 'info', 'state');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"session":1', '"session":7'));
    expect(openLog().count).toBe(0);
  });

  it('of an incarnation leaves nothing to be trusted', () => {
    const log = openLog();
    log.put('a', '/lake', recordOf('"1"'));
    log.renew('bucket');
    log.renew('bucket');
    log.close();
    const path = join(root, 'info', 'buckets');
    expect(openLog({ directory: copyOf() }).incarnationOf('bucket')).toBe(2);
    writeFileSync(path, readFileSync(path, 'utf8').replace('2]', '1]'));
    expect(openLog().get('a', '/lake')).toMatchObject({ isDoubtful: true });
  });
});
