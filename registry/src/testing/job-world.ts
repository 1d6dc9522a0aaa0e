/** What the tests of jobs share: a bucket of keys, a worker that counts, and state that outlives a "kill". */
import type { Clock } from '@forebay/core/clock';
import { UfsAnswerError } from '@forebay/core/errors';
import type { JobWorker, LoadRequest, WorkOutcome } from '@forebay/core/job-worker';
import { silentLog } from '@forebay/core/log';
import { type Mount, MountTable } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import { compareUtf8 } from '@forebay/core/utf8-order';
import { Keyv } from 'keyv';
import { JobScheduler, type JobSchedulerOptions } from '../jobs/job-scheduler.ts';
import type { JobPrices } from '../jobs/job-view.ts';

export const partBytes = 1000;

export class TestClock implements Clock {
  nowMs = 1_000;
  wallMs(): number {
    return Date.UTC(2026, 0, 1) + this.nowMs;
  }
  monotonicMs(): number {
    return this.nowMs;
  }
}

export function mountOf(path: string, prefix = ''): Mount {
  const uri = `s3://ufs${prefix && `/${prefix}`}?endpoint=http://127.0.0.1:1`;
  return parseMount({ path, uri }, { pageSizeBytes: 65_536, createdAtMs: 0 });
}

export interface WorldOptions {
  /** Key to size in bytes. */
  readonly keys: Readonly<Record<string, number>>;
  readonly mounts?: readonly Mount[];
  /** Asked before each load: may throw, or wait. */
  readonly onLoad?: (key: string, request: LoadRequest) => Promise<void> | void;
  /** Told of each key that is about to be copied, and of each that was removed. */
  readonly onCopy?: (key: string) => Promise<void> | void;
  readonly onRemove?: (key: string) => Promise<void> | void;
  readonly scheduler?: Partial<JobSchedulerOptions>;
  /** By which nodes are named; another one names others. */
  readonly ring?: () => number;
}

/** A worker's memory, and the records, live as long as the world; schedulers come and go. */
export class JobWorld {
  readonly loads = new Map<string, number>();
  readonly cached = new Set<string>();
  readonly copies = new Set<string>();
  readonly removed = new Set<string>();
  readonly waits: number[] = [];
  readonly pins: string[] = [];
  readonly clock = new TestClock();
  lists = 0;
  readonly #records = new Map<string, unknown>();
  readonly #options: WorldOptions;
  readonly #sorted: string[];
  #living = { alive: true };

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#sorted = Object.keys(options.keys).sort(compareUtf8);
  }

  /** A scheduler of a process that starts now; the one before it, if any, is as good as killed. */
  async start(): Promise<JobScheduler> {
    this.kill();
    const living = { alive: true };
    this.#living = living;
    const { mounts = [mountOf('/lake')], scheduler } = this.#options;
    const workers = Array.from({ length: 3 }, (_, replica) => this.#worker(living, replica));
    const jobs = await JobScheduler.open({
      state: this.#state(living),
      clock: this.clock,
      log: silentLog,
      workers: {
        of: (_, __, replica = 0) => ({
          nodeId: `n${replica}${this.#options.ring?.() ?? ''}`,
          worker: workers[replica]!,
        }),
        ...{ partBytes, nodeCount: workers.length },
      },
      mounts: () => new MountTable(mounts),
      pin: async (keys) => void this.pins.push(keys),
      free: async () => ({ pages: 3, bytes: 300, pinnedPages: 0, pinnedBytes: 0 }),
      limits: () => ({ jobsRunningMax: 4, jobConcurrencyPerNodeMax: 8 }),
      wait: async (ms, signal) => {
        signal.throwIfAborted();
        this.waits.push(ms);
        this.clock.nowMs += ms;
      },
      checkpointMs: 5,
      ...scheduler,
    });
    jobs.start();
    return jobs;
  }

  /** From now on nothing that the process does arrives anywhere. */
  kill(): void {
    this.#living.alive = false;
  }

  #state(living: { alive: boolean }): Keyv {
    const records = this.#records;
    const store = {
      get: async (key: string) => records.get(key),
      // As of a disk: there is time for what does not wait for it.
      set: async (key: string, value: unknown) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (living.alive) records.set(key, value);
        return true;
      },
      delete: async (key: string) => living.alive && records.delete(key),
      clear: async () => records.clear(),
    };
    return new Keyv({ store, namespace: 'registry', throwOnErrors: true });
  }

  #worker(living: { alive: boolean }, replica: number): JobWorker {
    const dead = () => new Promise<never>(() => {});
    return {
      list: async ({ prefix, startAfter, keysMax }) => {
        this.lists += 1;
        const found = this.#sorted.filter(
          (key) =>
            !this.removed.has(key) &&
            key.startsWith(prefix) &&
            (startAfter === undefined || compareUtf8(key, startAfter) > 0),
        );
        const entries = found.slice(0, keysMax).map((ufsKey) => {
          return { ufsKey, sizeBytes: this.#options.keys[ufsKey]!, etag: `"${ufsKey}"` };
        });
        return { entries, truncated: found.length > keysMax };
      },
      load: async (request) => {
        if (!living.alive) return dead();
        const { ufsKey } = request.object;
        await this.#options.onLoad?.(ufsKey, request);
        if (!living.alive) return dead();
        return this.#load(ufsKey, request, replica);
      },
      verify: async (request) => this.#load(request.object.ufsKey, request, replica),
      copy: async ({ source: { ufsKey } }) => {
        if (!living.alive) return dead();
        await this.#options.onCopy?.(ufsKey);
        if (!living.alive) return dead();
        if (this.removed.has(ufsKey)) throw noSuchKey();
        const bytes = this.#options.keys[ufsKey]!;
        const info = { ...infoOf(ufsKey), sizeBytes: bytes };
        this.copies.add(ufsKey);
        return { kind: 'done', info, bytes, ufsRequests: 4, ufsBytes: bytes };
      },
      remove: async ({ source: { ufsKey } }) => {
        if (!living.alive) return dead();
        if (!this.copies.has(ufsKey)) throw new Error('it was never copied');
        if (!this.#isNamed(ufsKey)) throw new Error('no checkpoint names it');
        this.removed.add(ufsKey);
        await this.#options.onRemove?.(ufsKey);
        return living.alive ? { ufsRequests: 2, ufsBytes: 0 } : dead();
      },
    };
  }

  /** By any record. */
  #isNamed(key: string): boolean {
    const texts = [...this.#records.values()].map(String);
    return texts.some((text) => text.includes('"moving"') && text.includes(`"key":"${key}"`));
  }

  #load(key: string, { range }: LoadRequest, replica: number): WorkOutcome {
    const sizeBytes = this.#options.keys[key];
    if (sizeBytes === undefined) throw noSuchKey();
    const info = { ...infoOf(key), sizeBytes };
    const bytes = Math.max(0, Math.min(range?.endExclusive ?? 0, sizeBytes) - (range?.start ?? 0));
    const part = `${key}#${range?.start ?? 0}${replica > 0 ? ` on ${replica}` : ''}`;
    if (this.cached.has(part)) return { kind: 'cached', info, bytes, ufsRequests: 0, ufsBytes: 0 };
    this.cached.add(part);
    this.loads.set(part, (this.loads.get(part) ?? 0) + 1);
    // Others take it from the first.
    if (replica > 0) return { kind: 'done', info, bytes, ufsRequests: 0, ufsBytes: 0 };
    return { kind: 'done', info, bytes, ufsRequests: 1, ufsBytes: bytes };
  }
}

function noSuchKey(): UfsAnswerError {
  return new UfsAnswerError({ status: 404, code: 'NoSuchKey', message: 'no such key' });
}

function infoOf(key: string) {
  return { etag: `"${key}"`, lastModifiedMs: 0, versionId: undefined, headers: [], checksumsKnown: true };
}

/** Resolves with the job once it is in one of these states. */
export async function untilState(jobs: JobScheduler, id: string, ...states: string[]) {
  for (;;) {
    const job = jobs.find(id);
    if (states.includes(job.record.state)) return job.record;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** For an admin API whose test is about something else. */
export async function idleJobs(): Promise<{ jobs: JobScheduler; prices: () => JobPrices }> {
  const world = new JobWorld({ keys: {} });
  const jobs = await world.start();
  await jobs.stop();
  return { jobs, prices: () => ({ thousandReads: 0.4, thousandLists: 5, gibibyte: 0.09 }) };
}
