/**
 * A random walk over the rules of DESIGN §4: two writers and four readers of one object through two mounts,
 * every UFS step held and let go in random order, time jumping, tenures ending. A model says what each read
 * may return. A failing run prints its seed; FOREBAY_SEED replays it, FOREBAY_WALKS makes the walk longer.
 */
import { afterEach, expect, it } from 'vitest';
import { bodyOf, openObject, refOf, type TestNode, TestNodes, testMount } from './testing/kit.ts';
import { StepUfs } from './testing/step-ufs.ts';

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

function randomOf(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 12)) >>> 0) / 2 ** 32;
  };
}

class Walk {
  readonly random: () => number;
  readonly ufs = new StepUfs();
  readonly #held: (() => void)[] = [];
  readonly violations: string[] = [];
  #running = 0;
  /** Grows with each write that the UFS applies. */
  applied = 0;
  /** The latest write whose success a client was told. */
  acknowledged = 0;

  constructor(seed: number) {
    this.random = randomOf(seed);
    this.ufs.pieceBytes = 40_000;
    this.ufs.beforeRead = () => this.hold();
    this.ufs.beforeAnswer = () => this.hold();
    this.ufs.beforePiece = () => this.hold();
    this.#apply();
  }

  hold(): Promise<void> {
    return new Promise((resolve) => this.#held.push(resolve));
  }

  start(task: () => Promise<void>): void {
    this.#running += 1;
    void task().finally(() => {
      this.#running -= 1;
    });
  }

  /** Lets held steps go, one at a time in random order, until everything started has ended. */
  async drain(): Promise<void> {
    while (this.#running > 0) {
      await this.letOneGo();
    }
  }

  /** Half the time the newest: so that others are left behind while writes come and go. */
  async letOneGo(): Promise<void> {
    const newest = this.#held.length - 1;
    const index = this.random() < 0.5 ? newest : Math.floor(this.random() * this.#held.length);
    this.#held.splice(index, 1)[0]?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  async write(node: TestNode['node'], name: string): Promise<void> {
    const objects = [refOf(key, mounts[0])];
    await node.beginWrite(objects, name);
    await this.hold();
    const written = this.#apply();
    await this.hold();
    await node.endWrite(objects, name, 'known');
    this.acknowledged = Math.max(this.acknowledged, written);
    this.start(() => this.read(node));
  }

  async read(node: TestNode['node']): Promise<void> {
    const least = this.acknowledged;
    const mount = mounts[Math.floor(this.random() ** 3 * mounts.length)]!;
    const want = this.random() < 0.2 ? 'info' : 'bytes';
    const opened = await openObject(node, refOf(key, mount), { want });
    const version = Number(opened.info.etag?.replaceAll('"', ''));
    if (version < least) this.violations.push(`read ${version} after ${least} was acknowledged`);
    if (want === 'info') return;
    const bytes = await bodyOf(opened).catch(() => undefined);
    if (bytes && !bytes.equals(contentOf(version))) this.violations.push(`bytes of ${version} are mixed`);
  }

  #apply(): number {
    this.applied += 1;
    this.ufs.put(key, contentOf(this.applied), `"${this.applied}"`);
    return this.applied;
  }
}

function contentOf(version: number): Buffer {
  return Buffer.alloc(70_000 + version * 13, version);
}

async function walk(seed: number): Promise<string[]> {
  const run = new Walk(seed);
  const { node, clock, dataDir } = await nodes.open(run.ufs.asUfs(), { settings: { readAheadPagesMax: 1 } });
  for (let step = 0; step < 80; step += 1) {
    const dice = run.random();
    if (dice < 0.1) run.start(() => run.write(node, `w${step}`));
    else if (dice < 0.3) run.start(() => run.read(node));
    else if (dice < 0.31) node.forgetInfo();
    else if (dice < 0.32) clock.advance(1000);
    else await run.letOneGo();
  }
  await run.drain();
  await node.close();
  const restarted = await nodes.open(run.ufs.asUfs(), { dataDir, clock });
  run.start(() => run.read(restarted.node));
  await run.drain();
  return run.violations;
}

it('serves no read older than the last acknowledged write, and never mixes versions', async () => {
  for (let seed = firstSeed; seed < firstSeed + walks; seed += 1) {
    expect(await walk(seed), `FOREBAY_SEED=${seed} FOREBAY_WALKS=1`).toEqual([]);
    await nodes.clear();
  }
}, 300_000);
