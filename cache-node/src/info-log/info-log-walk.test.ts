/**
 * The info log against a plain Map: random puts and drops, clean closes, kills after any byte, other boots of
 * the machine, ends of the log cut off. What is found is what was put last or nothing; what was dropped is
 * never found, unless the machine itself went down, and then it is marked as doubtful.
 */
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@forebay/core/log';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FaultyFiles } from '../testing/faulty-files.ts';
import { TestClock } from '../testing/kit.ts';
import { InfoLog } from './info-log.ts';

const MiB = 1024 * 1024;
const slots = ['/lake', '"v1"/lake', '/other'];

const key = fc.nat(15).map((number) => `key ${number}`);
const anyStep = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key,
      slot: fc.constantFrom(...slots),
      paddingBytes: fc.oneof({ weight: 3, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.nat(30_000) }),
      isOther: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('drop' as const), key }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('turn' as const), turns: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('close' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), lostBytes: fc.nat(20_000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('doom' as const), bytes: fc.nat(60_000) }) },
);
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

class Walk {
  readonly #root = mkdtempSync(join(tmpdir(), 'forebay-info-walk-'));
  readonly #clock = new TestClock();
  readonly #sizeBytesMax: number;
  #disk = new FaultyFiles();
  #directory = join(this.#root, '0');
  #boots = 0;
  #log: InfoLog;
  #puts = 0;
  /** By key and slot: what was put last. */
  readonly #model = new Map<string, Map<string, string>>();
  /** A put that did not return: done or not. */
  #inFlight: { key: string; slot: string; before: string | undefined } | undefined;
  /** What was dropped, and only a crash may bring back. */
  readonly #mayBeDoubtful = new Map<string, Set<string>>();

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax;
    this.#log = this.#open();
  }

  #open(): InfoLog {
    return new InfoLog({
      directory: this.#directory,
      sizeBytesMax: this.#sizeBytesMax,
      replayBytesMax: 256 * 1024,
      ttlMs: 0,
      clock: this.#clock,
      log: silentLog,
      files: this.#disk.files,
      bootId: `boot ${this.#boots}`,
    });
  }

  async step(step: Step): Promise<void> {
    try {
      if (step.kind === 'put') this.#put(step);
      else if (step.kind === 'drop') this.#drop(step.key);
      else if (step.kind === 'turn') for (let turn = 0; turn < step.turns; turn += 1) await turnOfLoop();
      else if (step.kind === 'close') this.#reopen();
      else if (step.kind === 'kill') this.#killed();
      else if (step.kind === 'crash') this.#crash(step.lostBytes);
      else this.#disk.bytesToLive = step.bytes;
    } catch (error) {
      if (!this.#disk.isKilled) throw error;
      this.#killed();
    }
    this.#check();
  }

  #put({ key, slot, paddingBytes, isOther }: Step & { kind: 'put' }): void {
    const before = this.#model.get(key)?.get(slot);
    this.#puts += 1;
    const etag = before === undefined || isOther ? `"${this.#puts}"` : before;
    const of = this.#model.get(key) ?? new Map<string, string>();
    this.#model.set(key, of.set(slot, etag));
    if (before !== undefined) this.#remember(key, before);
    const info = {
      sizeBytes: 1,
      etag,
      lastModifiedMs: 0,
      versionId: undefined,
      headers: [['x-amz-meta-padding', 'x'.repeat(paddingBytes)]] as const,
      checksumsKnown: true,
    };
    const sent = { sentAtMs: 1, sentAtWallMs: this.#clock.wallMs(), tenure: 'tenure', stamp: 0 };
    this.#inFlight = { key, slot, before };
    this.#log.put(key, slot, { content: { kind: 'object', info }, ...sent });
    this.#inFlight = undefined;
    if (this.#puts % 10 === 0) expect(this.#sizeOnDisk()).toBeLessThanOrEqual(this.#sizeBytesMax);
    const content = this.#log.get(key, slot)?.content;
    expect(content?.kind === 'object' && content.info.etag).toBe(etag);
  }

  #drop(key: string): void {
    for (const etag of this.#model.get(key)?.values() ?? []) this.#remember(key, etag);
    const before = this.#model.get(key);
    try {
      this.#log.delete(key);
      this.#model.delete(key);
    } catch (error) {
      // Killed on the way: done or not.
      if (before) this.#model.set(key, before);
      throw error;
    }
  }

  #remember(key: string, etag: string): void {
    const etags = this.#mayBeDoubtful.get(key) ?? new Set<string>();
    this.#mayBeDoubtful.set(key, etags.add(etag));
  }

  #reopen(): void {
    this.#log.close();
    if (this.#disk.isKilled) throw new Error('killed');
    this.#log = this.#open();
    for (const [key, of] of this.#model) {
      for (const slot of of.keys()) if (this.#isRoomy) expect(this.#log.get(key, slot)).toBeDefined();
    }
  }

  get #isRoomy(): boolean {
    return this.#sizeBytesMax > 8 * MiB;
  }

  /** Another process goes on with what there is. */
  #killed(): void {
    const copy = join(this.#root, String(Number(this.#directory.split('/').at(-1)) + 1));
    cpSync(this.#directory, copy, { recursive: true });
    const old = this.#log;
    this.#directory = copy;
    this.#disk.bytesToLive = 0;
    old.close();
    this.#disk = new FaultyFiles();
    this.#log = this.#open();
    this.#settle();
    // Puts of the last moment may be lost.
    for (const [key, of] of this.#model) {
      for (const [slot, etag] of of) {
        if (this.#log.get(key, slot)) continue;
        this.#remember(key, etag);
        of.delete(slot);
      }
    }
  }

  #settle(): void {
    const { key, slot, before } = this.#inFlight ?? {};
    this.#inFlight = undefined;
    if (key === undefined || slot === undefined || before === undefined) return;
    const content = this.#log.get(key, slot)?.content;
    if (content?.kind === 'object' && content.info.etag === before) this.#model.get(key)?.set(slot, before);
  }

  /** The machine goes down, and the end of the log with it. */
  #crash(lostBytes: number): void {
    this.#boots += 1;
    const last = readdirSync(this.#directory)
      .filter((name) => name.endsWith('.log'))
      .sort()
      .at(-1);
    if (last !== undefined) {
      const path = join(this.#directory, last);
      truncateSync(path, Math.max(0, statSync(path).size - lostBytes));
    }
    this.#killed();
    // What is no hint is known for sure.
    for (const [key, of] of this.#model) {
      for (const slot of of.keys()) {
        const known = this.#log.get(key, slot);
        if (known) expect(known.isDoubtful).toBe(true);
      }
    }
  }

  #check(): void {
    for (let number = 0; number < 16; number += 1) {
      const key = `key ${number}`;
      for (const slot of slots) {
        const known = this.#log.get(key, slot);
        if (known?.content.kind !== 'object') continue;
        const { etag } = known.content.info;
        if (etag === this.#model.get(key)?.get(slot)) continue;
        expect(known.isDoubtful, `${key} ${slot} ${etag}`).toBe(true);
        expect(this.#mayBeDoubtful.get(key)).toContain(etag);
      }
    }
  }

  #sizeOnDisk(): number {
    return readdirSync(this.#directory).reduce(
      (sum, name) => sum + statSync(join(this.#directory, name)).size,
      0,
    );
  }

  end(): void {
    this.#log.close();
    rmSync(this.#root, { recursive: true, force: true });
  }
}

function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

it('finds nothing that was dropped twice while the process was killed in the first drop', async () => {
  const put = { kind: 'put', key: 'key 2', slot: '/lake', paddingBytes: 0, isOther: false } as const;
  const drop = { kind: 'drop', key: 'key 2' } as const;
  for (let bytes = 0; bytes < 300; bytes += 16) {
    const walk = new Walk(MiB);
    for (const step of [put, { kind: 'doom', bytes } as const, drop, drop, { kind: 'close' } as const]) {
      await walk.step(step);
    }
    walk.end();
  }
});

it.each([
  ['with room for all', 16 * MiB],
  ['with a budget that is always short', MiB],
])('finds what was put last or nothing, and never what was dropped: %s', async (_, sizeBytesMax) => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 150, size: 'max' }), async (steps) => {
      const walk = new Walk(sizeBytesMax);
      try {
        for (const step of steps) await walk.step(step);
      } finally {
        walk.end();
      }
    }),
    {
      numRuns: Number(process.env.FOREBAY_WALKS ?? 10),
      seed: Number(process.env.FOREBAY_SEED ?? Date.now()),
    },
  );
});
