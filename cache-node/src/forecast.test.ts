import type { OpenedObject } from '@forebay/core/cache-node';
import { CachePolicies } from '@forebay/core/cache-policy';
import { parseRule } from '@forebay/core/cache-rules';
import type { Placement } from '@forebay/core/homes';
import type { Metrics } from '@forebay/core/metrics';
import type { Freshness } from '@forebay/core/mount';
import type { UfsRequest } from '@forebay/core/object-stat';
import { type RangeRequest, resolveRange } from '@forebay/core/range';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { LocalCacheNode } from './local-cache-node.ts';
import {
  bodyOf,
  KiB,
  openAny,
  pageSizeBytes,
  refOf,
  TestClock,
  TestNodes,
  testMount,
} from './testing/kit.ts';
import { type StepRequest, StepUfs } from './testing/step-ufs.ts';

const nodes = new TestNodes();
afterEach(() => nodes.clear());

const sizes = { empty: 0, tiny: 10, page: pageSizeBytes, pages: 6 * pageSizeBytes + 7 } as const;
type Key = keyof typeof sizes | 'missing';
interface Read {
  readonly key: Key;
  readonly range: RangeRequest | undefined;
  readonly want: 'info' | 'bytes';
}
type Step =
  | ({ readonly step: 'read' } & Read)
  | { readonly step: 'pass'; readonly ms: number }
  | { readonly step: 'rule'; readonly maxObjectSize: string }
  | { readonly step: 'begin' | 'end'; readonly key: Key; readonly outcome: 'known' | 'unknown' }
  | { readonly step: 'restart' };

const offset = fc.oneof(
  fc.nat(7),
  fc.nat(7 * pageSizeBytes),
  fc.nat(7).map((page) => page * pageSizeBytes),
);
const range: fc.Arbitrary<RangeRequest | undefined> = fc.oneof(
  fc.constant(undefined),
  offset.map((start) => ({ kind: 'from', start }) as const),
  offset.map((lengthBytes) => ({ kind: 'suffix', lengthBytes }) as const),
  fc.tuple(offset, fc.integer({ min: 1, max: 3 * pageSizeBytes })).map(([start, length]) => {
    return { kind: 'span', start, endExclusive: start + length } as const;
  }),
);
const key = fc.constantFrom<Key>('empty', 'tiny', 'page', 'pages', 'pages', 'pages', 'missing');
const read: fc.Arbitrary<Step> = fc.record({
  step: fc.constant('read'),
  key,
  range,
  want: fc.constantFrom('bytes', 'bytes', 'info'),
});
const fence = fc.record({
  step: fc.constantFrom('begin', 'end'),
  key,
  outcome: fc.constantFrom('known', 'unknown'),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: read },
  { weight: 2, arbitrary: fc.nat(70_000).map((ms) => ({ step: 'pass', ms }) as const) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('unlimited', '100', `${64 * KiB}`)
      .map((maxObjectSize) => ({ step: 'rule', maxObjectSize }) as const),
  },
  { weight: 1, arbitrary: fence },
  { weight: 1, arbitrary: fc.constant({ step: 'restart' } as const) },
);
/** None, or that of a node which owns some of the segments. */
const placement: fc.Arbitrary<Placement | undefined> = fc.option(
  fc.uniqueArray(fc.nat(3)).map((owned) => {
    const owns = (_: string, segment: number) => owned.includes(segment);
    return { segmentBytes: 2 * pageSizeBytes, owns };
  }),
  { nil: undefined },
);
const steps = fc.array(step, { minLength: 5, maxLength: 25 });
const freshness = fc.constantFrom<Freshness>('ttl', 'ttl', 'always', 'immutable');

/** A node that goes through steps, and may be asked for a forecast before each read. */
class Walk {
  readonly ufs = new StepUfs();
  readonly policies = new CachePolicies();
  readonly clock = new TestClock();
  amplificationMax = Number.POSITIVE_INFINITY;
  readonly #settings: object;
  readonly #mode: Freshness;
  readonly #placement: Placement | undefined;
  #node: LocalCacheNode | undefined;
  #metrics: Metrics | undefined;
  #dataDir: string | undefined;

  constructor(mode: Freshness, settings: object = {}, placement?: Placement) {
    this.#mode = mode;
    this.#placement = placement;
    this.#settings = settings;
    for (const [name, size] of Object.entries(sizes)) this.ufs.put(name, Buffer.alloc(size, name));
  }

  async start(): Promise<void> {
    await this.#node?.close();
    const { policies, clock } = this;
    const known = {
      ...(this.#dataDir !== undefined && { dataDir: this.#dataDir }),
      ...(this.#placement && { placement: this.#placement }),
    };
    const settings = { readAheadPagesMax: 0, ...this.#settings };
    const opened = await nodes.open(this.ufs.asUfs(), { policies, clock, settings, ...known });
    this.#node = opened.node;
    this.#metrics = opened.metrics;
    this.#dataDir = opened.dataDir;
  }

  questionOf({ key: name, ...question }: Read) {
    const { amplificationMax } = this;
    return { object: refOf(name, testMount({ freshness: this.#mode, amplificationMax })), ...question };
  }

  stat(asked: Read) {
    return this.#node!.stat(this.questionOf(asked));
  }

  async read(asked: Read) {
    const before = this.ufs.requests.length;
    const { object, ...how } = this.questionOf(asked);
    const opened = await openAny(this.#node!, object, {
      want: how.want,
      ...(how.range && { range: how.range }),
    });
    if (opened.kind === 'object') await bodyOf(opened);
    const isObject = opened.kind === 'object';
    const pages = isObject ? opened.pages : { hit: 0, total: 0 };
    const elsewhereFrom = isObject ? restOf(opened) : undefined;
    await this.#settled();
    return {
      cache: opened.cache,
      pages,
      elsewhereFrom,
      ufsRequests: this.ufs.requests.slice(before).map(asForecast),
    };
  }

  /** Nothing is on its way from the UFS or to disk. */
  async #settled(): Promise<void> {
    for (const name of ['forebay_fills_in_flight', 'forebay_fill_bytes_in_flight']) {
      await expect.poll(async () => (await this.#metrics!.samples(name))[0]?.value, { interval: 1 }).toBe(0);
    }
  }

  async take(given: Exclude<Step, { step: 'read' }>): Promise<void> {
    if (given.step === 'pass') this.clock.advance(given.ms);
    if (given.step === 'restart') await this.start();
    if (given.step === 'rule') {
      const prefix = `s3://lake?maxObjectSize=${given.maxObjectSize}`;
      this.policies.update({ rules: [parseRule({ prefix, where: '--rule' })] });
    }
    if (given.step === 'begin') await this.#node!.beginWrite([refOf(given.key)], 'f');
    if (given.step === 'end') await this.#node!.endWrite([refOf(given.key)], 'f', given.outcome);
  }
}

/** Where the bytes begin that the node leaves to others. */
function restOf({ range: answered, bodyEndExclusive }: OpenedObject): number | undefined {
  const isLeft = answered !== 'unsatisfiable' && bodyEndExclusive !== answered.endExclusive;
  return isLeft ? bodyEndExclusive : undefined;
}

function asForecast({ op, key: name, range: asked }: StepRequest): UfsRequest {
  if (op === 'head') return { method: 'HEAD', range: undefined };
  const size = name === 'missing' ? 0 : sizes[name as keyof typeof sizes];
  const resolved = resolveRange(asked, size);
  return { method: 'GET', range: resolved === 'unsatisfiable' ? undefined : resolved.range };
}

describe('a forecast', () => {
  it('is what the next read reports, and what it asks of the UFS', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(steps, freshness, placement, async (taken, mode, placed) => {
        const walk = new Walk(mode, {}, placed);
        await walk.start();
        for (const given of taken) {
          if (given.step !== 'read') {
            await walk.take(given);
            continue;
          }
          const { certain, reasons, ...forecast } = (await walk.stat(given)).forecast;
          expect(reasons.length).toBeGreaterThan(0);
          const found = await walk.read(given);
          if (certain) expect(forecast).toEqual(found);
          else expect(forecast.ufsRequests[0]?.method).toBe(found.ufsRequests[0]?.method);
          seen.add(`${certain} ${forecast.cache}`);
        }
        await nodes.clear();
      }),
      { numRuns: 60 },
    );
    for (const cache of ['HIT', 'REVALIDATED', 'PARTIAL', 'MISS', 'BYPASS']) {
      expect([...seen]).toContain(`true ${cache}`);
    }
  });

  it('is not certain of what is fetched where parts of pages may be fetched alone', async () => {
    const walk = new Walk('ttl');
    walk.amplificationMax = 1.2;
    await walk.start();
    const asked: Read = { key: 'pages', range: { kind: 'span', start: 10, endExclusive: 20 }, want: 'bytes' };
    await walk.read({ ...asked, want: 'info' });
    const { forecast } = await walk.stat(asked);
    expect([forecast.certain, forecast.reasons.at(-1)]).toEqual([
      false,
      expect.stringContaining('amplificationMax'),
    ]);
    for (let pass = 0; pass < 3; pass += 1) await walk.read({ ...asked, range: undefined });
    expect((await walk.stat(asked)).forecast).toMatchObject({ certain: true, cache: 'HIT', ufsRequests: [] });
  });

  it('tells of a request of another that the read would join', async () => {
    const walk = new Walk('ttl');
    await walk.start();
    const gate = Promise.withResolvers<void>();
    walk.ufs.beforeAnswer = () => gate.promise;
    const whole: Read = { key: 'pages', range: undefined, want: 'bytes' };
    const first = walk.read(whole);
    await expect.poll(() => walk.ufs.requests.length).toBe(1);
    expect((await walk.stat(whole)).forecast).toMatchObject({ cache: 'COALESCED', ufsRequests: [] });
    const second = walk.read(whole);
    gate.resolve();
    expect([(await first).cache, (await second).cache]).toEqual(['MISS', 'COALESCED']);
  });

  it('leaves no trace: reads go on as if nobody had asked', async () => {
    const asked = fc.array(fc.tuple(step, fc.array(fc.record({ key, range, want: fc.constant('bytes') }))), {
      minLength: 5,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(asked as fc.Arbitrary<[Step, Read[]][]>, freshness, async (steps, mode) => {
        // Room for four pages and no disk, so that what goes next shows at once.
        const small = { cacheSizeBytes: 0, memorySizeBytes: 4 * pageSizeBytes, infoMemoryEntriesMax: 16 };
        const [watched, alone] = [new Walk(mode, small), new Walk(mode, small)];
        await Promise.all([watched.start(), alone.start()]);
        for (const [given, questions] of steps) {
          for (const question of questions) await watched.stat(question);
          if (given.step === 'read') expect(await watched.read(given)).toEqual(await alone.read(given));
          else await Promise.all([watched.take(given), alone.take(given)]);
        }
        await nodes.clear();
      }),
      { numRuns: 15 },
    );
  });
});
