/**
 * The page table at size: time per operation, memory per page, the longest pause, dump and load.
 * Run: node bench/page-table.ts [--pages 10000000]
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type NewPage, PageTable } from '../cache-node/src/page-store/page-table.ts';

const { values } = parseArgs({ options: { pages: { type: 'string', default: '10000000' } } });
const pageCount = Number(values.pages);
/** Operations per turn of the event loop, as many as a busy server might do. */
const perTurn = 1000;
const probes = Math.min(200_000, pageCount);

const of: NewPage = { scope: 1, priority: 'normal', pinned: false, filledAtSeconds: 1_700_000_000 };
const place = { directory: 0, pack: 5, offset: 4096, lengthBytes: 4000, checksum: 7, storedBytes: 4096 };

/** Ids as they are: well mixed. Made anew each time, as each request makes its own. */
function setOf(number: number): string {
  const word = (of: number) => {
    const hash = Math.imul(number ^ (number >>> 16) ^ of, 0x85ebca6b);
    return ((Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) ^ (hash >>> 15)) >>> 0)
      .toString(16)
      .padStart(8, '0');
  };
  const id = word(1) + word(2) + word(3) + number.toString(16).padStart(8, '0');
  // One piece, as a digest's.
  return Buffer.from(id, 'latin1').toString('latin1');
}

function report(what: string, value: string): void {
  console.log(`| ${what} | ${value} |`);
}

const nanoseconds = (elapsedMs: number, count: number) => `${((elapsedMs * 1e6) / count).toFixed(0)} ns`;

/**
 * CPU of this thread in ms: what other processes of the machine take in between is no cost of ours. Good for
 * sums; between two ticks of the kernel's clock it stands still.
 */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The time of a step: the sum of its CPU is kept, and the longest of all steps. */
class Steps {
  spentMs = 0;
  worstMs = 0;

  run<T>(step: () => T): T {
    const [startedMs, cpuBeforeMs] = [performance.now(), cpuMs()];
    const result = step();
    const spentMs = cpuMs() - cpuBeforeMs;
    this.spentMs += spentMs;
    this.worstMs = Math.max(this.worstMs, Math.min(spentMs, performance.now() - startedMs));
    return result;
  }
}

/** Runs in turns of the event loop; tells the time per operation, and the longest turn. */
async function timed(what: string, count: number, run: (at: number) => void): Promise<void> {
  const steps = new Steps();
  for (let at = 0; at < count; at += perTurn) {
    const endExclusive = Math.min(count, at + perTurn);
    steps.run(() => {
      for (let each = at; each < endExclusive; each += 1) run(each);
    });
    await nextTurn();
  }
  const time = nanoseconds(steps.spentMs, count);
  report(what, `${time}, ${perTurn} of them at most ${steps.worstMs.toFixed(1)} ms`);
}

/** Pseudo-random, the same every time. */
function random(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}

async function measure(pagesPerSet: number): Promise<void> {
  const table = new PageTable();
  const setCount = Math.floor(pageCount / pagesPerSet);
  console.log(`\n${pageCount} pages in sets of ${pagesPerSet}\n\n| what | measured |\n| --- | --- |`);
  let made = '';
  await timed('making an id, within `add`', probes, (at) => {
    made = setOf(at);
  });
  await timed('add', setCount * pagesPerSet, (page) => {
    if (page % pagesPerSet === 0) made = setOf(page / pagesPerSet);
    table.add(made, page % pagesPerSet, place, of);
  });
  const bytesPerPage = table.allocatedBytes / pageCount;
  report('memory', `${bytesPerPage.toFixed(1)} bytes a page, sets and indexes included`);
  const pick = random();
  const asked = Array.from({ length: probes }, () => setOf(pick(setCount)));
  const indexes = Int32Array.from(asked, () => pick(pagesPerSet));
  await timed('find, a hit', probes, (at) => {
    if (table.find(asked[at]!, indexes[at]!) === -1) throw new Error('a page is missing');
  });
  await timed('find, a miss', probes, (at) => {
    if (table.find(asked[at]!, 1_000_000) !== -1) throw new Error('a page too many');
  });
  const rows = asked.map((set, at) => table.find(set, indexes[at]!));
  await timed('touch', probes, (at) => table.touch(rows[at]!));
  await timed('victim and remove', probes, () => table.remove(table.victim(0)));
  await timed('add, into freed rows', probes, (at) => table.add(setOf(at + 2 ** 30), 0, place, of));
  await measureDump(table);
}

/** Steps until there is none left; tells the time of all, and of the longest. */
async function stepped(what: string, step: () => boolean): Promise<void> {
  const steps = new Steps();
  while (steps.run(step)) await nextTurn();
  const seconds = (steps.spentMs / 1000).toFixed(2);
  report(what, `${seconds} s, the longest step ${steps.worstMs.toFixed(1)} ms`);
}

async function measureDump(table: PageTable): Promise<void> {
  const parts: Buffer[] = [];
  const dump = table.dump(0);
  await stepped('dump', () => {
    const { value, done } = dump.next();
    if (value) parts.push(Buffer.from(value));
    return !done;
  });
  const copy = new PageTable();
  let next = 0;
  await stepped('load', () => {
    const part = parts[next];
    copy.reserve(table.pageCount);
    if (part) copy.load(0, part, { scopeOf: (scope) => scope });
    next += 1;
    return next < parts.length;
  });
  if (copy.pageCount !== table.pageCount) {
    throw new Error(`of ${table.pageCount} pages ${copy.pageCount} were loaded`);
  }
}

/** What this machine takes for one read from memory that no cache holds: every operation is several. */
async function measureMemory(): Promise<void> {
  const words = new Int32Array(2 ** 28).fill(1);
  const pick = random();
  console.log('| what | measured |\n| --- | --- |');
  let at = 0;
  await timed('one word of 1 GiB, at random', 1_000_000, () => {
    at = (at + pick(2 ** 28) + words[at]!) & (2 ** 28 - 1);
  });
}

await measureMemory();
for (const pagesPerSet of [1, 64]) await measure(pagesPerSet);
