/**
 * Random lives of a page store, with crashes and rot, against a model: never a wrong byte, nothing lost in
 * peace.
 */
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metrics } from '@forebay/core/metrics';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { declareCacheNodeMetrics } from '../metrics.ts';
import type { PageStore } from './page-store.ts';
import type { PagedObject } from './paged-object.ts';
import { lakeObject, openTestStore } from './testing/test-store.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const sizeBytesMax = 8 * MiB;
const lengths = [1, 4 * KiB, 60 * KiB, 128 * KiB, 200 * KiB, 700 * KiB];

type Step =
  | {
      readonly kind: 'put' | 'read';
      readonly object: number;
      readonly index: number;
      readonly length: number;
    }
  | { readonly kind: 'putMany'; readonly object: number; readonly length: number }
  | { readonly kind: 'free'; readonly object: number }
  | { readonly kind: 'reopen' | 'kill' }
  | { readonly kind: 'rot'; readonly file: number; readonly at: number; readonly how: 'flip' | 'cut' };

const object = fc.nat({ max: 5 });
const length = fc.nat({ max: lengths.length - 1 });
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('put'), object, index: fc.nat({ max: 5 }), length }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('read'), object, index: fc.nat({ max: 5 }), length }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('putMany'), object, length }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('free'), object }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen') }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill') }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('rot'),
        file: fc.nat(),
        at: fc.nat(),
        how: fc.constantFrom('flip', 'cut'),
      }),
    },
  ),
  { minLength: 5, maxLength: 30 },
) as fc.Arbitrary<Step[]>;

class Life {
  #root = mkdtempSync(join(tmpdir(), 'forebay-life-'));
  #store: PageStore | undefined;
  readonly #roots: string[] = [this.#root];
  /** Length of each page by object and index, as it was stored first: a page never changes. */
  readonly #lengths = new Map<string, number>();
  /** Pages that must be there as long as nothing is evicted, killed or spoiled. */
  #kept = new Set<string>();
  /** Stored before something rotted: put again, they are taken to be there until somebody reads them. */
  #spoiled = new Set<string>();
  #metrics = new Metrics();

  async open(): Promise<void> {
    this.#metrics = new Metrics();
    this.#store = await openTestStore({
      directories: [{ path: join(this.#root, 'disk'), sizeBytesMax }],
      metrics: declareCacheNodeMetrics(this.#metrics),
    });
  }

  async end(): Promise<void> {
    await this.#store?.close();
    for (const root of this.#roots) rmSync(root, { recursive: true, force: true });
  }

  async take(step: Step): Promise<void> {
    if (step.kind === 'put') await this.#put(step.object, step.index, step.length);
    else if (step.kind === 'putMany') {
      await Promise.all([6, 7, 8, 9, 10, 11].map((index) => this.#put(step.object, index, step.length)));
    } else if (step.kind === 'read') await this.#read(step.object, step.index);
    else if (step.kind === 'free') await this.#free(step.object);
    else if (step.kind === 'reopen') await this.#reopen();
    else if (step.kind === 'kill') await this.#kill();
    else if (step.kind === 'rot') await this.#rot(step);
    expect(this.#store!.usage().directories[0]!.bytes).toBeLessThanOrEqual(sizeBytesMax);
  }

  async readAll(): Promise<void> {
    for (const key of this.#lengths.keys()) {
      const [object, index] = key.split(' ').map(Number);
      await this.#read(object!, index!);
    }
  }

  async #put(object: number, index: number, length: number): Promise<void> {
    const key = `${object} ${index}`;
    const lengthBytes = this.#lengths.get(key) ?? lengths[length]!;
    this.#lengths.set(key, lengthBytes);
    const page = { set: setOf(object), index };
    const stored = await this.#store!.put(page, bytesOf(key, lengthBytes), objectOf(object));
    if (stored && this.#store!.has(page) && !this.#spoiled.has(key)) this.#kept.add(key);
    if ((await this.#evictions()) > 0) this.#kept.clear();
  }

  async #read(object: number, index: number): Promise<void> {
    const key = `${object} ${index}`;
    const lengthBytes = this.#lengths.get(key) ?? 1;
    const parts: Buffer[] = [];
    for (let at = 0; at < lengthBytes; ) {
      const slice = await this.#store!.read({ set: setOf(object), index }, at, lengthBytes);
      if (!slice) break;
      parts.push(Buffer.from(slice.bytes));
      at += slice.bytes.byteLength;
      slice.release();
    }
    const bytes = Buffer.concat(parts);
    const expected = bytesOf(key, lengthBytes);
    expect(bytes.equals(expected.subarray(0, bytes.byteLength))).toBe(true);
    if (this.#kept.has(key)) expect(bytes.byteLength).toBe(lengthBytes);
    else if (!this.#lengths.has(key)) expect(bytes.byteLength).toBe(0);
  }

  async #free(object: number): Promise<void> {
    await this.#store!.free({
      path: undefined,
      prefix: `lake/${object}`,
      spares: () => false,
      onObject: () => {},
      dryRun: false,
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    for (const key of [...this.#kept]) if (key.startsWith(`${object} `)) this.#kept.delete(key);
    for (let index = 0; index < 12; index += 1) {
      expect(this.#store!.has({ set: setOf(object), index })).toBe(false);
    }
  }

  async #reopen(): Promise<void> {
    await this.#store!.close();
    await this.open();
  }

  /**
   * What the disk holds at this instant is what the next process finds; the last one is in the middle of a
   * write.
   */
  async #kill(): Promise<void> {
    const before = this.#store!;
    const writing = [20, 21, 22].map((index) => this.#put(0, index, index % lengths.length));
    const next = mkdtempSync(join(tmpdir(), 'forebay-life-'));
    this.#roots.push(next);
    cpSync(this.#root, next, { recursive: true });
    await Promise.all(writing);
    await before.close();
    this.#root = next;
    for (const index of [20, 21, 22]) this.#kept.delete(`0 ${index}`);
    await this.open();
  }

  async #rot({ file, at, how }: Extract<Step, { kind: 'rot' }>): Promise<void> {
    await this.#store!.close();
    const files = filesBelow(this.#root).filter((path) => !path.endsWith('lock'));
    const path = files[file % files.length]!;
    const bytes = readFileSync(path);
    if (bytes.byteLength > 0) {
      if (how === 'cut') truncateSync(path, at % bytes.byteLength);
      else {
        bytes[at % bytes.byteLength]! ^= 1 << (at % 8);
        writeFileSync(path, bytes);
      }
    }
    this.#kept.clear();
    this.#spoiled = new Set(this.#lengths.keys());
    await this.open();
  }

  async #evictions(): Promise<number> {
    const samples = await this.#metrics.samples('forebay_evictions_total');
    return samples.reduce((sum, { value }) => sum + value, 0);
  }
}

function objectOf(object: number): PagedObject {
  return lakeObject({ path: `lake/${object}`, version: '"v"|1|' });
}

function setOf(object: number): string {
  return createHash('sha256').update(`object ${object}`).digest('hex').slice(0, 32);
}

function bytesOf(key: string, lengthBytes: number): Buffer {
  return Buffer.alloc(lengthBytes, createHash('sha256').update(key).digest());
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Pages that the scan after a damaged journal found when others had taken their room. */
const foundWhileWritten: Step[] = [
  { kind: 'kill' },
  { kind: 'kill' },
  { kind: 'putMany', object: 0, length: 5 },
  { kind: 'read', object: 2, index: 0, length: 4 },
  { kind: 'read', object: 4, index: 0, length: 0 },
  { kind: 'rot', file: 9, at: 21, how: 'flip' },
  { kind: 'putMany', object: 4, length: 5 },
  { kind: 'put', object: 4, index: 4, length: 4 },
  { kind: 'kill' },
  { kind: 'put', object: 3, index: 3, length: 0 },
  { kind: 'put', object: 1, index: 2, length: 5 },
];

it('hands out right bytes or none, whatever happened, loses nothing in peace, and stays in its budget', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (life) => {
      const store = new Life();
      try {
        await store.open();
        for (const step of life) await store.take(step);
        await store.readAll();
      } finally {
        await store.end();
      }
    }),
    { numRuns: Number(process.env.FOREBAY_TEST_RUNS ?? 12), examples: [[foundWhileWritten]] },
  );
}, 240_000);
