/**
 * One run of a simulated cluster: clients write, delete and read through random gateways while all kinds of
 * things fail, and what they saw is held against the promises. A run repeats itself from its seed.
 */
import { createHash } from 'node:crypto';
import { isKind } from '@forebay/core/errors';
import type { ObjectRef } from '@forebay/core/mount';
import { type RegisterOperation, violationOf } from '../support/linearizable.ts';
import { type FaultKind, SimFaults } from './sim-faults.ts';
import type { SimGateway } from './sim-gateway.ts';
import { negativeTtlMs } from './sim-info.ts';
import {
  clockErrorMax,
  gatewayNames,
  lake,
  mountTtlMs,
  type Parts,
  realParts,
  SimWorld,
} from './sim-world.ts';

const clients = 6;
/** Of them, those that write nothing and so wait for no write. */
const readers = 3;
const allKeys = ['a', 'b', 'c'];
/** Changed behind the cluster's back. */
const foreignKey = 'z';
const faultsFromMs = 16_000;
const faultsUntilMs = 70_000;
const endMs = 95_000;
const thinkMs = 500;
/** What a read or a write takes at most where nothing fails. */
const settlingMs = 20_000;

export interface Outcome {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly reads: number;
  readonly writes: number;
  readonly unknownWrites: number;
  /** Names all that clients saw: of two runs of one seed it is the same. */
  readonly trace: string;
  /** What failed, and when. */
  readonly story: readonly string[];
}

interface Operation extends RegisterOperation<number> {
  end: number;
  by: string;
}

/** Content that says which write it is of; 0: there is none. */
export function contentOf(key: string, number: number): Buffer {
  const line = `${key} ${number} `;
  return Buffer.from(line.repeat(Math.ceil((1 + ((number * 37) % 260)) / line.length)));
}

const etagOf = (bytes: Buffer) => `"${createHash('md5').update(bytes).digest('hex')}"`;
const refOf = (ufsKey: string): ObjectRef => ({ mount: lake, ufsKey });

class Run {
  readonly world: SimWorld;
  readonly faults: SimFaults;
  readonly violations: string[] = [];
  readonly histories = new Map<string, Set<Operation>>();
  readonly #keys: readonly string[];
  readonly counts = { reads: 0, writes: 0, unknownWrites: 0 };
  /** Versions of the foreign key, each with the time since when it is the newest. */
  readonly #foreign: { readonly number: number; readonly sinceMs: number }[] = [{ number: 0, sinceMs: 0 }];
  #sequence = 0;
  #number = 0;

  constructor(seed: number, { parts = realParts, kinds }: SimulationOptions) {
    this.world = new SimWorld(seed, parts);
    this.faults = new SimFaults(this.world, { fromMs: faultsFromMs, untilMs: faultsUntilMs, kinds });
    const { time, random, ufs } = this.world;
    ufs.onWritten = (key) => this.#judgeNodes(key);
    this.#keys = allKeys.slice(0, 1 + random.int(allKeys.length));
    for (const key of this.#keys) this.histories.set(key, new Set());
    for (let client = 0; client < clients; client += 1)
      time.at(13_000 + client, () => this.#act(`c${client}`, client < readers));
    time.at(14_000, () => void this.#changeForeign());
  }

  /** Instants in the order of what happens, also within one ms. */
  #instant(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  #act(by: string, isReader: boolean): void {
    const { time, random, gateways } = this.world;
    if (time.nowMs >= endMs - settlingMs) return;
    const gateway = gateways.get(random.pick(gatewayNames))!;
    const next = () => time.at(time.nowMs + random.next() * 2 * thinkMs, () => this.#act(by, isReader));
    const choice = random.next();
    const key = random.pick(this.#keys);
    const done =
      choice < 0.1
        ? this.#readForeign(gateway)
        : choice < 0.4 || isReader
          ? this.#read(gateway, key, by)
          : this.#write(gateway, key, { by, deletes: choice > 0.85 });
    void done.then(next, (error: unknown) => {
      this.violations.push(`a defect: ${error instanceof Error ? error.stack : String(error)}`);
    });
  }

  async #read(gateway: SimGateway, key: string, by: string): Promise<void> {
    const start = this.#instant();
    const value = await this.#valueOf(gateway, key);
    if (value === undefined) return;
    this.counts.reads += 1;
    this.histories.get(key)!.add({ kind: 'read', value, start, end: this.#instant(), by: by + this.#now() });
  }

  async #write(
    gateway: SimGateway,
    key: string,
    { by, deletes }: { readonly by: string; readonly deletes: boolean },
  ): Promise<void> {
    this.#number += 1;
    const number = this.#number;
    const start = this.#instant();
    const bytes = deletes ? undefined : contentOf(key, number);
    const value = deletes ? 0 : number;
    const history = this.histories.get(key)!;
    // Also where the run ends before its answer.
    const operation: Operation = { kind: 'write', value, start, end: Number.POSITIVE_INFINITY, by };
    history.add(operation);
    const told = await answered(gateway, () => gateway.write(refOf(key), bytes));
    operation.by += this.#now();
    // Before it was sent: nothing was written.
    if (told.failure && isKind(told.failure, 'overloaded')) history.delete(operation);
    else this.counts[told.failure ? 'unknownWrites' : 'writes'] += 1;
    if (!told.failure) operation.end = this.#instant();
  }

  async #readForeign(gateway: SimGateway): Promise<void> {
    const startMs = this.world.time.nowMs;
    const value = await this.#valueOf(gateway, foreignKey);
    if (value === undefined) return;
    const ttlMs = value === 0 ? Math.min(mountTtlMs, negativeTtlMs) : mountTtlMs;
    const next = this.#foreign.find(({ number }) => number > value);
    if (next && next.sinceMs < startMs - ttlMs * (1 + 2 * clockErrorMax)) {
      this.violations.push(`${foreignKey} ${value} was read ${startMs - next.sinceMs} ms after its end`);
    }
  }

  async #changeForeign(): Promise<void> {
    const { time, random, ufs } = this.world;
    const number = this.#foreign.length;
    await ufs.apply(foreignKey, contentOf(foreignKey, number));
    this.#foreign.push({ number, sinceMs: time.nowMs });
    time.at(time.nowMs + random.next() * 15_000, () => void this.#changeForeign());
  }

  /** @returns 0: there is nothing; undefined: it was not answered */
  async #valueOf(gateway: SimGateway, key: string): Promise<number | undefined> {
    const told = await answered(gateway, () => gateway.read(refOf(key)));
    if (told.failure) return undefined;
    if (!told.value) return 0;
    const { etag, bytes } = told.value;
    const number = Number(bytes.toString().split(' ')[1]);
    const isWhole = bytes.equals(contentOf(key, number)) && etag === etagOf(bytes);
    if (!isWhole) this.violations.push(`${key}: bytes of no version: ${etag} ${bytes.toString()}`);
    return number;
  }

  /**
   * A write takes effect: who could answer from what was there before would be behind readers past it.
   * Told also where no reader comes in time.
   */
  #judgeNodes(key: string): void {
    for (const node of this.world.nodes.values()) {
      if (node.mayAnswer(refOf(key)))
        this.violations.push(`${key}: written, and ${node.nodeId} may answer from before${this.#now()}`);
    }
  }

  #now(): string {
    return ` @${this.world.time.nowMs.toFixed(1)}`;
  }

  judge(): void {
    for (const [key, operations] of this.histories) {
      const history = [...operations];
      const violation = violationOf(history, 0);
      if (!violation) continue;
      const { operation, possible } = violation;
      const around = history
        .filter(({ start }) => start <= operation.end)
        .slice(-12)
        .map(({ kind, value, start, end, by }) => `    ${start}..${end} ${by} ${kind} ${value}`);
      const what = `${operation.kind} ${operation.value} by ${operation.by}, possible: ${possible.join(', ')}`;
      this.violations.push([`${key}: ${what}`, ...around].join('\n'));
    }
  }
}

interface Told<T> {
  readonly value?: T;
  readonly failure?: unknown;
}

/** Also where the gateway is killed before it answers. */
function answered<T>(gateway: SimGateway, act: () => Promise<T>): Promise<Told<T>> {
  return new Promise((resolve) => {
    if (!gateway.process.isAlive) return resolve({ failure: new Error('refused') });
    const forget = gateway.process.onKilled(() => resolve({ failure: new Error('killed') }));
    gateway.process.run(() => {
      act()
        .then(
          (value) => resolve({ value }),
          (failure: unknown) => resolve({ failure }),
        )
        .finally(forget);
    });
  });
}

export interface SimulationOptions {
  readonly parts?: Parts;
  /** Absent: some of all, by the seed. */
  readonly kinds?: readonly FaultKind[] | undefined;
}

export async function simulate(seed: number, options: SimulationOptions = {}): Promise<Outcome> {
  const run = new Run(seed, options);
  await run.world.time.runUntil(endMs);
  run.judge();
  const trace = createHash('sha256')
    .update(JSON.stringify([...run.histories].map(([key, operations]) => [key, ...operations])))
    .digest('hex');
  return {
    seed,
    ...run.counts,
    trace,
    violations: run.violations,
    story: run.faults.story,
  };
}
