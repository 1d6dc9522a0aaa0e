/**
 * A random walk over the ways of bytes: ranges of objects of awkward sizes, read by clients that are slow,
 * leave or stop, from a store that breaks off, ignores ranges and conditions and changes behind our back,
 * through budgets of a page or two. Every byte must be the version's, nothing may hang, and in the end
 * nothing may be left open or reserved. FOREBAY_SEED replays a seed, FOREBAY_WALKS makes the walk longer.
 */
import { randomBytes } from 'node:crypto';
import type { OpenedObject } from '@forebay/core/cache-node';
import { ForebayError, isKind } from '@forebay/core/errors';
import type { Mount, ObjectRef } from '@forebay/core/mount';
import { isSliced } from '@forebay/core/pieces';
import { type RangeRequest, resolveRange } from '@forebay/core/range';
import type { Ufs } from '@forebay/ufs/ufs';
import { afterEach, expect, it } from 'vitest';
import {
  openAny,
  pageSizeBytes,
  refOf,
  TestClock,
  type TestNode,
  TestNodes,
  testMount,
} from './testing/kit.ts';
import { slicesOf } from './testing/slices.ts';
import { laxUfs, StepUfs } from './testing/step-ufs.ts';
import { randomOf, Steps } from './testing/steps.ts';

const nodes = new TestNodes();
afterEach(() => nodes.clear());

const walks = Number(process.env.FOREBAY_WALKS ?? 100);
const firstSeed = Number(process.env.FOREBAY_SEED ?? 1);
const keys = ['a', 'b', 'c'];
const noise = randomBytes(8 * pageSizeBytes);
const sizes = [
  0,
  1,
  pageSizeBytes - 1,
  pageSizeBytes,
  pageSizeBytes + 1,
  3 * pageSizeBytes,
  5 * pageSizeBytes + 7,
];

class Walk {
  readonly steps: Steps;
  readonly store = new StepUfs();
  readonly clock = new TestClock();
  readonly violations: string[] = [];
  readonly breaks: boolean;
  readonly mount: Mount;
  readonly changes: boolean;
  readonly #contents = new Map<string, Buffer>();
  /** Of its own: how bodies are taken changes nothing else. */
  readonly #slices: () => number;
  /** While true the store holds and breaks; at the end it does neither. */
  troubled = true;

  constructor(seed: number) {
    this.steps = new Steps(seed);
    this.#slices = randomOf(seed);
    const { steps, store } = this;
    this.breaks = steps.random() < 0.4;
    this.mount = testMount({ ttlMs: 1e9, amplificationMax: steps.oneOf([1, 1.2, Number.POSITIVE_INFINITY]) });
    this.changes = steps.random() < 0.5;
    store.pieceBytes = steps.oneOf([999, 20_000, pageSizeBytes, pageSizeBytes + 1, 3 * pageSizeBytes]);
    store.beforeRead = () => this.#holdSometimes();
    const farMs = steps.oneOf([0, 0, 20]);
    store.beforeAnswer = () => {
      this.clock.advance(farMs);
      return this.#holdSometimes();
    };
    store.beforePiece = () => {
      if (this.troubled && this.breaks && steps.random() < 0.05) {
        throw new ForebayError('ufs-unavailable', 'connection reset');
      }
      return this.#holdSometimes();
    };
    for (const key of keys) this.put(key);
  }

  put(key: string): void {
    const size = this.steps.oneOf(sizes);
    const start = this.steps.below(noise.byteLength - size);
    const content = noise.subarray(start, start + size);
    this.#contents.set(this.store.put(key, content, `"${this.#contents.size}"`), content);
  }

  /** Stores that ignore what they are asked for, each in its own way. */
  ufs(): Ufs {
    const ignoresRange = this.steps.random() < 0.15;
    const ignoresIfMatch = this.steps.random() < 0.3;
    return laxUfs(this.store, {
      ...(ignoresRange && { range: undefined }),
      ...(ignoresIfMatch && { ifMatch: undefined }),
    });
  }

  settings() {
    const { steps } = this;
    return {
      readAheadPagesMax: steps.oneOf([0, 1, 3, 4]),
      fillsPerReaderMax: steps.oneOf([1, 3]),
      memorySizeBytes: steps.oneOf([0, pageSizeBytes, 2 * pageSizeBytes, 16 * pageSizeBytes]),
      cacheSizeBytes: steps.oneOf([0, 2 * pageSizeBytes, 64 * pageSizeBytes]),
      diskWriteQueueBytesMax: steps.oneOf([pageSizeBytes, 64 * pageSizeBytes]),
      fillsInFlightBytesMax: steps.oneOf([1, pageSizeBytes, 2 * pageSizeBytes, 64 * pageSizeBytes]),
    };
  }

  async read(node: TestNode['node'], object: ObjectRef): Promise<void> {
    const { steps } = this;
    const leaver = new AbortController();
    const manner = steps.oneOf(['patient', 'patient', 'patient', 'leaves', 'stops', 'slow']);
    if (manner === 'leaves' && steps.random() < 0.1) leaver.abort();
    else if (manner === 'leaves') steps.start('a leaving', () => steps.hold().then(() => leaver.abort()));
    const range = this.#range();
    const want = steps.random() < 0.1 ? 'info' : 'bytes';
    try {
      const opened = await openAny(node, object, { signal: leaver.signal, want, ...(range && { range }) });
      if (opened.kind === 'absent') throw new Error('nothing was ever deleted');
      await this.#check(opened, { range, want, manner });
    } catch (error) {
      if (leaver.signal.aborted) return;
      if (this.changes && isKind(error, 'version-changed')) return;
      if (this.breaks && isKind(error, 'ufs-unavailable')) return;
      this.violations.push(`a read failed: ${String(error)}`);
    }
  }

  async #check(
    opened: OpenedObject,
    { range, want, manner }: { range: RangeRequest | undefined; want: string; manner: string },
  ): Promise<void> {
    const { etag, sizeBytes } = opened.info;
    const content = this.#contents.get(etag ?? '');
    if (!content || content.byteLength !== sizeBytes) throw new Error(`info of no version: ${etag}`);
    const resolved = resolveRange(range, sizeBytes);
    expect(opened.range).toEqual(resolved === 'unsatisfiable' ? resolved : resolved.range);
    expect(opened.pages.hit).toBeLessThanOrEqual(opened.pages.total);
    if (opened.cache === 'HIT') expect(opened.pages.hit).toBe(opened.pages.total);
    if (resolved === 'unsatisfiable' || want === 'info') {
      expect(opened.body).toBeUndefined();
      return;
    }
    let { start } = resolved.range;
    for await (const piece of this.#pieces(opened)) {
      const end = start + piece.byteLength;
      if (!content.subarray(start, end).equals(piece)) throw new Error(`wrong bytes of ${etag} at ${start}`);
      start = end;
      if (manner === 'stops' && this.steps.random() < 0.3) return;
      if (manner === 'slow') await this.#holdSometimes();
    }
    expect(start).toBe(resolved.range.endExclusive);
  }

  #pieces({ body }: OpenedObject): AsyncIterable<Uint8Array> | Uint8Array[] {
    if (!body || body instanceof Uint8Array) return body ? [body] : [];
    return isSliced(body) && this.#slices() < 0.5 ? slicesOf(body, this.#slices) : body;
  }

  #range(): RangeRequest | undefined {
    const { steps } = this;
    const at = () => steps.oneOf([0, 1, pageSizeBytes - 1, pageSizeBytes, steps.below(6 * pageSizeBytes)]);
    const dice = steps.random();
    if (dice < 0.4) return undefined;
    if (dice < 0.5) return { kind: 'suffix', lengthBytes: at() };
    if (dice < 0.6) return { kind: 'from', start: at() };
    const start = at();
    return { kind: 'span', start, endExclusive: start + 1 + at() };
  }

  #holdSometimes(): Promise<void> | undefined {
    return this.troubled && this.steps.random() < 0.5 ? this.steps.hold() : undefined;
  }
}

async function walk(seed: number): Promise<string[]> {
  const run = new Walk(seed);
  const { steps, store } = run;
  const { clock } = run;
  const settings = run.settings();
  const { node, metrics } = await nodes.open(run.ufs(), { settings, clock });
  const budgetMax = Math.max(settings.fillsInFlightBytesMax, pageSizeBytes);
  const startRead = () => {
    const key = steps.oneOf(keys);
    steps.start(`a read of ${key}`, () => run.read(node, refOf(key, run.mount)));
  };
  for (let step = 0; step < 100; step += 1) {
    const dice = steps.random();
    if (dice < 0.35) startRead();
    else if (dice < 0.38 && run.changes) run.put(steps.oneOf(keys));
    else if (dice < 0.4) clock.advance(1e9);
    else await steps.letOneGo();
    const [inFlight] = await metrics.samples('forebay_fill_bytes_in_flight');
    if (inFlight!.value > budgetMax) run.violations.push(`${inFlight!.value} bytes in flight`);
  }
  const hanging = await steps.drain();
  run.violations.push(...hanging.map((name) => `${name} hangs`));
  run.troubled = false;
  steps.letAllGo();
  await expect
    .poll(async () => (await node.stats()).fillsInFlight, { message: `FOREBAY_SEED=${seed}` })
    .toBe(0);
  await expect.poll(() => metrics.text()).toMatch(/^forebay_fill_bytes_in_flight 0$/m);
  await expect.poll(() => metrics.text()).toMatch(/^forebay_buffers_lent_bytes 0$/m);
  if (store.bodiesOpen !== 0) run.violations.push(`${store.bodiesOpen} bodies are left open`);
  return run.violations;
}

it('serves exact bytes, hangs never and leaves nothing open, whatever store and clients do', async () => {
  for (let seed = firstSeed; seed < firstSeed + walks; seed += 1) {
    expect(await walk(seed), `FOREBAY_SEED=${seed} FOREBAY_WALKS=1`).toEqual([]);
    await nodes.clear();
  }
}, 600_000);
