/**
 * A random walk over the rules of DESIGN §4: writers and readers of one object and its versions through three
 * mounts, every UFS step held and let go in random order, versions deleted, outcomes lost, readers leaving,
 * time jumping, tenures ending, the UFS out of order. A model says what each read may return. A failing run
 * prints its seed; FOREBAY_SEED replays it, FOREBAY_WALKS makes the walk longer.
 */
import type { WriteOutcome } from '@forebay/core/cache-node';
import { unsettledMs } from '@forebay/core/membership';
import { afterEach, expect, it } from 'vitest';
import { bodyOf, openAny, refOf, type TestNode, TestNodes, testMount } from './testing/kit.ts';
import { StepUfs } from './testing/step-ufs.ts';
import { Steps } from './testing/steps.ts';

const nodes = new TestNodes();
afterEach(() => nodes.clear());

const walks = Number(process.env.FOREBAY_WALKS ?? 150);
const firstSeed = Number(process.env.FOREBAY_SEED ?? 1);
const key = 'a';
const mounts = [
  testMount({ ttlMs: 1e9 }),
  testMount({ path: '/other', bucket: 'other', ttlMs: 1e9 }),
  testMount({ path: '/always', bucket: 'always', freshness: 'always' }),
];

/** In front of a UFS that breaks down. */
const lasting = testMount({ ttlMs: 500, staleIfErrorMs: 20_000 });

class Walk {
  readonly steps: Steps;
  readonly ufs = new StepUfs();
  readonly violations: string[] = [];
  /** Grows with each write that the UFS applies. */
  applied = 0;
  /** Writes that the UFS may still apply. */
  writing = 0;
  /** The latest write whose success a client was told. */
  acknowledged = 0;
  /** Versions whose end was begun, and those of them whose end a client was told. */
  readonly ending = new Set<number>();
  readonly ended = new Set<number>();
  /** How often the UFS went out of order, and how many reads were answered with what was known before. */
  outages = 0;
  readonly breaks: boolean;
  stale = 0;

  constructor(seed: number) {
    this.steps = new Steps(seed);
    this.breaks = this.steps.random() < 0.5;
    this.ufs.pieceBytes = 40_000;
    this.ufs.beforeRead = () => this.steps.hold();
    this.ufs.beforeAnswer = () => this.steps.hold();
    this.ufs.beforePiece = () => this.steps.hold();
    this.#apply();
  }

  async drain(): Promise<void> {
    for (const name of await this.steps.drain()) this.violations.push(`${name} hangs`);
  }

  startRead(node: TestNode['node'], named?: number): void {
    const some = this.steps.random() < 0.3 ? 1 + this.steps.below(this.applied) : undefined;
    this.steps.start('a read', () => this.read(node, named ?? some));
  }

  /** Of the object, or of its whole bucket: then it is another bucket's object that comes. */
  async write(node: TestNode['node'], name: string): Promise<void> {
    const objects = [refOf(key, mounts[0])];
    const ofBucket = this.steps.random() < 0.3;
    const end = (outcome: WriteOutcome) =>
      ofBucket ? node.endBucketWrite(mounts[0]!, name, outcome) : node.endWrite(objects, name, outcome);
    const isLost = this.steps.random() < 0.2;
    // A bucket is made without a begin, and a home may have been restarted after one: the end alone must do.
    const isBegun = this.steps.random() < 0.8;
    this.writing += 1;
    if (isBegun) await (ofBucket ? node.beginBucketWrite(mounts[0]!, name) : node.beginWrite(objects, name));
    await this.steps.hold();
    if (isLost) {
      await end('unknown');
      // Time enough for a read that comes now to learn what is about to be overtaken.
      this.startRead(node);
      for (let step = 0; step < 3; step += 1) await this.steps.hold();
    }
    const written = this.#apply();
    // What a lost write does is seen by every read from then on, as if it were acknowledged.
    if (isLost) this.acknowledged = written;
    await this.steps.hold();
    if (!isLost) await end('known');
    this.acknowledged = Math.max(this.acknowledged, written);
    this.writing -= 1;
    this.startRead(node);
  }

  /** Takes a version away that is not the current one. */
  async end(node: TestNode['node'], name: string): Promise<void> {
    const version = 1 + this.steps.below(this.applied);
    if (version === this.applied || this.ending.has(version)) return;
    await this.read(node, version);
    this.ending.add(version);
    this.writing += 1;
    const objects = [refOf(key, mounts[0], idOf(version))];
    await node.beginWrite(objects, name);
    await this.steps.hold();
    this.ufs.deleteVersion(key, idOf(version));
    await this.steps.hold();
    await node.endWrite(objects, name, 'known');
    this.ended.add(version);
    this.writing -= 1;
    this.startRead(node, version);
  }

  /** Of a version by its id, or of the current one. */
  async read(node: TestNode['node'], named: number | undefined): Promise<void> {
    const least = this.acknowledged;
    const wasEnded = named !== undefined && this.ended.has(named);
    const at = Math.floor(this.steps.random() ** 3 * mounts.length);
    const mount = this.breaks && at === 0 ? lasting : mounts[at]!;
    const want = this.steps.random() < 0.2 ? 'info' : 'bytes';
    const { signal } = this.#leaver();
    const object = refOf(key, mount, named === undefined ? undefined : idOf(named));
    const opened = await openAny(node, object, { want, signal }).catch((error: unknown) => {
      if (!signal.aborted && this.outages === 0) this.violations.push(`a read failed: ${String(error)}`);
    });
    if (!opened) return;
    if (opened.cache === 'STALE') {
      this.stale += 1;
      const { ttlMs, staleIfErrorMs = 0 } = mount;
      if (this.outages === 0) this.violations.push('a stale answer of a UFS that is well');
      if (mount !== lasting || opened.ageMs >= ttlMs + staleIfErrorMs) this.violations.push('too stale');
    }
    if (opened.kind === 'absent') {
      if (named === undefined || !this.ending.has(named)) this.violations.push(`${named} is not there`);
      return;
    }
    const version = Number(opened.info.etag?.replaceAll('"', ''));
    if (named === undefined && version < least) {
      this.violations.push(`read ${version} after ${least} was acknowledged`);
    }
    if (named !== undefined && version !== named) this.violations.push(`read ${version} and not ${named}`);
    if (wasEnded) this.violations.push(`read ${named} after its end was acknowledged`);
    if (want === 'info') return;
    const bytes = await bodyOf(opened).catch(() => undefined);
    if (bytes && !bytes.equals(contentOf(version))) this.violations.push(`bytes of ${version} are mixed`);
  }

  breakDown(): void {
    this.ufs.down = true;
    this.outages += 1;
    this.steps.start('a repair', async () => {
      for (let step = 0; step < 12; step += 1) await this.steps.hold();
      this.ufs.down = false;
    });
  }

  #leaver(): AbortController {
    const leaver = new AbortController();
    if (this.steps.random() < 0.2) {
      this.steps.start('a leaving', () => this.steps.hold().then(() => leaver.abort()));
    }
    return leaver;
  }

  #apply(): number {
    this.applied += 1;
    this.ufs.putVersion(key, idOf(this.applied), contentOf(this.applied), `"${this.applied}"`);
    return this.applied;
  }
}

function idOf(version: number): string {
  return `v${version}`;
}

function contentOf(version: number): Buffer {
  return Buffer.alloc(70_000 + version * 13, version);
}

async function walk(seed: number): Promise<Walk> {
  const run = new Walk(seed);
  const { node, clock, dataDir } = await nodes.open(run.ufs.asUfs(), { settings: { readAheadPagesMax: 1 } });
  for (let step = 0; step < 80; step += 1) {
    const dice = run.steps.random();
    if (dice < (run.breaks ? 0.04 : 0.1)) run.steps.start('a write', () => run.write(node, `w${step}`));
    else if (dice < (run.breaks ? 0.06 : 0.14)) run.steps.start('an end', () => run.end(node, `w${step}`));
    else if (dice < 0.34) run.startRead(node);
    else if (dice < 0.35) node.forgetInfo();
    else if (dice < (run.breaks ? 0.38 : 0.36)) clock.advance(1000);
    else if (dice < 0.42 && run.breaks) run.breakDown();
    else if (dice < 0.44 && run.writing === 0) clock.advance(unsettledMs);
    else await run.steps.letOneGo();
  }
  await run.drain();
  await node.close();
  const restarted = await nodes.open(run.ufs.asUfs(), { dataDir, clock });
  run.startRead(restarted.node);
  await run.drain();
  return run;
}

it('serves no read older than the last acknowledged write, and never mixes versions', async () => {
  let stale = 0;
  for (let seed = firstSeed; seed < firstSeed + walks; seed += 1) {
    const run = await walk(seed);
    expect(run.violations, `FOREBAY_SEED=${seed} FOREBAY_WALKS=1`).toEqual([]);
    stale += run.stale;
    await nodes.clear();
  }
  // Else it would have shown nothing of them.

  if (walks >= 100) expect(stale).toBeGreaterThan(0);
}, 300_000);
