/**
 * A random walk over what two workers answer by themselves: writers, readers and changes of all kinds at the
 * home, every step of the UFS, of a question to the home and of its answer held and let go in random order.
 * No read may return less than what was acknowledged when it began. A failing run prints its seed;
 * FOREBAY_SEED replays it, FOREBAY_WALKS makes the walk longer.
 */
import { afterEach, expect, it } from 'vitest';
import { newCells, type TestWorker, testWorker } from '../testing/hot-kit.ts';
import { bodyOf, KiB, openAny, refOf, type TestNode, TestNodes, testMount } from '../testing/kit.ts';
import { StepUfs } from '../testing/step-ufs.ts';
import { Steps } from '../testing/steps.ts';

const nodes = new TestNodes();
afterEach(() => nodes.clear());

const walks = Number(process.env.FOREBAY_WALKS ?? 20);
const firstSeed = Number(process.env.FOREBAY_SEED ?? 1);
const key = 'a';
/** Both reach one object. Pages of the second are files of their own. */
const mounts = [
  testMount({ ttlMs: 1e9 }),
  testMount({ path: '/other', bucket: 'other', ttlMs: 1e9, pageSizeBytes: 256 * KiB }),
];

class Walk {
  readonly steps: Steps;
  readonly ufs = new StepUfs();
  readonly violations: string[] = [];
  applied = 0;
  acknowledged = 0;
  hot = 0;
  workers: readonly TestWorker[] = [];

  constructor(seed: number) {
    this.steps = new Steps(seed);
    this.ufs.pieceBytes = 200_000;
    // Half the runs are of writes that race reads, half of reads that mostly find what they ask for.
    if (this.steps.random() < 0.5) this.ufs.beforeAnswer = () => this.steps.hold();
    this.apply();
  }

  apply(): number {
    this.applied += 1;
    this.ufs.put(key, contentOf(this.applied), `"${this.applied}"`);
    return this.applied;
  }

  startRead(): void {
    this.steps.start('a read', () => this.read());
  }

  async read(): Promise<void> {
    const worker = this.steps.oneOf(this.workers);
    const least = this.acknowledged;
    const before = worker.homeOpens;
    const mount = this.steps.oneOf(mounts);
    const want = this.steps.random() < 0.2 ? 'info' : 'bytes';
    const opened = await openAny(worker.node, refOf(key, mount), { want }).catch((error: unknown) => {
      this.violations.push(`a read failed: ${String(error)}`);
    });
    if (!opened || opened.kind === 'absent') return;
    if (worker.homeOpens === before) this.hot += 1;
    const version = Number(opened.info.etag?.replaceAll('"', ''));
    if (version < least) this.violations.push(`read ${version} after ${least} was acknowledged`);
    if (want === 'info') return;
    const bytes = await bodyOf(opened).catch(() => undefined);
    if (bytes && !bytes.equals(contentOf(version))) this.violations.push(`bytes of ${version} are mixed`);
  }

  async write(node: TestNode['node'], name: string): Promise<void> {
    const { steps } = this;
    const objects = [refOf(key, mounts[0])];
    const ofBucket = steps.random() < 0.2;
    if (ofBucket) await node.beginBucketWrite(mounts[0]!, name);
    else await node.beginWrite(objects, name);
    this.startRead();
    await steps.hold();
    const written = this.apply();
    this.startRead();
    await steps.hold();
    if (ofBucket) await node.endBucketWrite(mounts[0]!, name, 'known');
    else await node.endWrite(objects, name, 'known');
    this.acknowledged = Math.max(this.acknowledged, written);
    for (let read = 0; read < 4; read += 1) this.startRead();
  }
}

function contentOf(version: number): Buffer {
  return Buffer.alloc(300_000 + version * 13, version);
}

async function walk(seed: number): Promise<Walk> {
  const run = new Walk(seed);
  const cells = newCells();
  const { node, clock } = await nodes.open(run.ufs.asUfs(), { mounts, cells });
  const hold = () => run.steps.hold();
  run.workers = [0, 1].map(() => testWorker({ home: node, cells, clock, hold }));
  for (let step = 0; step < 300; step += 1) {
    const dice = run.steps.random();
    if (dice < 0.025) run.steps.start('a write', () => run.write(node, `w${step}`));
    else if (dice < 0.3) run.startRead();
    else if (dice < 0.305) node.forgetInfo();
    else if (dice < 0.4) clock.advance(1000);
    else await run.steps.letOneGo();
  }
  for (const name of await run.steps.drain()) run.violations.push(`${name} hangs`);
  for (const { node: worker } of run.workers) worker.close();
  return run;
}

it('serves nothing older than the last acknowledged write through any worker', async () => {
  let hot = 0;
  for (let seed = firstSeed; seed < firstSeed + walks; seed += 1) {
    const run = await walk(seed);
    expect(run.violations, `FOREBAY_SEED=${seed} FOREBAY_WALKS=1`).toEqual([]);
    hot += run.hot;
    await nodes.clear();
  }
  // Else it would have shown nothing.
  expect(hot).toBeGreaterThan(walks);
}, 300_000);
