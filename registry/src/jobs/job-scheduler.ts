/**
 * The jobs of a registry: kept, run a few at a time, the most urgent first, and those in turn. Whoever is to
 * do the background work calls `start`; after a restart, or at another registry, each goes on from its last
 * checkpoint.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import { RegistryError } from '@forebay/core/registry-error';
import type { State } from '../state-store.ts';
import { parseCron } from './cron.ts';
import { isOver, type JobFailure, type JobRecord, type JobState, newRecord } from './job-record.ts';
import { JobRun, type JobRunDeps } from './job-run.ts';
import type { JobSpec } from './job-spec.ts';
import { JobStore } from './job-store.ts';
import { refuseUncovered } from './key-source.ts';
import { Manifests } from './manifests.ts';
import { Permits } from './permits.ts';
import { reasonOf } from './retries.ts';

const jobsWaitingMax = 1000;
const scheduleTickMs = 10_000;
const waitFor: JobRunDeps['wait'] = (ms, signal) => sleep(ms, undefined, { signal });
const urgency = { high: 0, normal: 1, low: 2 } as const;

export interface JobLimits {
  readonly jobsRunningMax: number;
  readonly jobConcurrencyPerNodeMax: number;
}

type Passed = 'workers' | 'mounts' | 'pin' | 'free' | 'onKey';

export interface JobSchedulerOptions extends Pick<JobRunDeps, Passed> {
  readonly state: State;
  readonly clock: Clock;
  readonly log: Log;
  /** May change at any time. */
  readonly limits: () => JobLimits;
  readonly onEnd?: (kind: JobSpec['kind'], state: JobState) => void;
  readonly wait?: JobRunDeps['wait'];
  readonly checkpointKeysMax?: number;
  readonly checkpointMs?: number;
}

/** Why a run was stopped, where it was not the job's own end; and what that leaves the job as. */
const stateAfter = { paused: 'paused', cancelled: 'cancelled', stopping: 'queued' } as const;
type StopReason = keyof typeof stateAfter;

interface Running {
  readonly run: JobRun;
  readonly abort: AbortController;
  readonly over: Promise<void>;
}

export interface JobNow {
  readonly record: JobRecord;
  /** Undefined: it does not run. */
  readonly rate?: JobRun['rate'] | undefined;
}

export class JobScheduler {
  readonly manifests: Manifests;
  readonly #options: JobSchedulerOptions;
  readonly #store: JobStore;
  readonly #records = new Map<string, JobRecord>();
  readonly #running = new Map<string, Running>();
  readonly #permits = new Map<string, Permits>();
  #timer: NodeJS.Timeout | undefined;
  #isStarted = false;

  private constructor(options: JobSchedulerOptions, store: JobStore, records: readonly JobRecord[]) {
    this.#options = options;
    this.#store = store;
    this.manifests = new Manifests(options.state);
    for (const record of records) {
      // What ran when the process ended goes on.
      const isCut = record.state === 'running';
      this.#records.set(record.id, isCut ? { ...record, state: 'queued' } : record);
    }
  }

  /** @throws Error where the state cannot be read */
  static async open(options: JobSchedulerOptions): Promise<JobScheduler> {
    const { store, records } = await JobStore.open(options.state);
    return new JobScheduler(options, store, records);
  }

  /** Runs what waits from now on. */
  start(): void {
    this.#isStarted = true;
    this.#timer = setInterval(() => void this.#runDue(), scheduleTickMs);
    this.#timer.unref();
    this.#next();
  }

  /** Stops what runs at a checkpoint; it goes on at the next `start`, here or elsewhere. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    clearInterval(this.#timer);
    await Promise.all([...this.#running.keys()].map((id) => this.#halt(id, 'stopping')));
  }

  /** @throws RegistryError where too many wait, or no mount has the keys */
  async create(spec: JobSpec, scheduledBy?: string): Promise<JobNow> {
    const waiting = [...this.#records.values()].filter(({ state }) => !isOver(state)).length;
    if (waiting >= jobsWaitingMax) {
      throw new RegistryError('too-many-jobs', `there are ${jobsWaitingMax} jobs that are not over`);
    }
    if (spec.manifest !== undefined && !(await this.manifests.find(spec.manifest))) {
      throw new RegistryError('no-such-job', `there is no manifest ${spec.manifest}`);
    }
    refuseUncovered(spec, this.#options.mounts());
    const record = newRecord(spec, this.#options.clock.wallMs(), scheduledBy);
    await this.#store.add(record);
    this.#records.set(record.id, record);
    await this.#forgetOld();
    this.#next();
    return this.find(record.id);
  }

  /** The newest first. */
  all(): JobNow[] {
    return [...this.#records.keys()].reverse().map((id) => this.find(id));
  }

  /** @throws RegistryError */
  find(id: string): JobNow {
    const running = this.#running.get(id);
    return running ? { record: running.run.live, rate: running.run.rate } : { record: this.#recordOf(id) };
  }

  /** @throws RegistryError */
  failures(id: string, offset: number, countMax: number): Promise<JobFailure[]> {
    return this.#store.failures(this.#running.get(id)?.run.kept ?? this.#recordOf(id), offset, countMax);
  }

  /** Does nothing to one that is paused. @throws RegistryError where it is over */
  async pause(id: string): Promise<JobNow> {
    this.#refuseOver(id, 'paused');
    await this.#end(id, 'paused');
    return this.find(id);
  }

  /** Goes on from the last checkpoint, also one that failed as a whole. @throws RegistryError */
  async resume(id: string): Promise<JobNow> {
    const record = this.#recordOf(id);
    const { state, spec } = record;
    if (state === 'done' || state === 'cancelled') {
      throw new RegistryError('job-over', `the job ${id} is ${state}; it cannot be resumed`);
    }
    if (state === 'paused' || state === 'failed') {
      const waits = spec.schedule === undefined ? 'queued' : 'scheduled';
      await this.#keep({ ...record, state: waits, reason: undefined, endedAtMs: undefined });
      this.#next();
    }
    return this.find(id);
  }

  /** Does nothing to one that is cancelled. What it did stays. @throws RegistryError where it is done */
  async cancel(id: string): Promise<JobNow> {
    if (this.#recordOf(id).state !== 'cancelled') this.#refuseOver(id, 'cancelled');
    await this.#end(id, 'cancelled');
    return this.find(id);
  }

  async #end(id: string, state: 'paused' | 'cancelled'): Promise<void> {
    await this.#halt(id, state);
    const record = this.#recordOf(id);
    if (record.state === state || isOver(record.state)) return;
    const ended = state === 'cancelled' && { endedAtMs: this.#options.clock.wallMs() };
    await this.#keep({ ...record, state, ...ended });
    if (state === 'cancelled') await this.#dropManifest(record);
  }

  async #halt(id: string, reason: StopReason): Promise<void> {
    const running = this.#running.get(id);
    running?.abort.abort(reason);
    await running?.over;
  }

  #recordOf(id: string): JobRecord {
    const record = this.#records.get(id);
    if (!record) throw new RegistryError('no-such-job', `there is no job ${id}; forebay jobs lists them`);
    return record;
  }

  #refuseOver(id: string, wanted: string): void {
    const { state } = this.#recordOf(id);
    if (!isOver(state)) return;
    throw new RegistryError('job-over', `the job ${id} is ${state}; it cannot be ${wanted}`);
  }

  async #keep(record: JobRecord): Promise<void> {
    await this.#store.save(record);
    this.#records.set(record.id, record);
    if (isOver(record.state)) this.#options.onEnd?.(record.spec.kind, record.state);
  }

  /** Starts what may run. */
  #next(): void {
    if (!this.#isStarted) return;
    const waiting = [...this.#records.values()]
      .filter(({ id, state }) => state === 'queued' && !this.#running.has(id))
      .sort((a, b) => urgency[a.spec.priority] - urgency[b.spec.priority]);
    for (const record of waiting) {
      if (this.#running.size >= this.#options.limits().jobsRunningMax) return;
      this.#start(record);
    }
  }

  #start(queued: JobRecord): void {
    const { clock, log } = this.#options;
    const startedAtMs = queued.startedAtMs ?? clock.wallMs();
    const record: JobRecord = { ...queued, state: 'running', startedAtMs };
    const run = new JobRun(record, this.#runDeps());
    const abort = new AbortController();
    this.#records.set(record.id, record);
    const over = this.#run(record, run, abort).catch((error: unknown) => {
      log.error({ job: record.id, reason: reasonOf(error) }, 'the record of a job cannot be kept');
    });
    this.#running.set(record.id, { run, abort, over });
  }

  async #run(record: JobRecord, run: JobRun, { signal }: AbortController): Promise<void> {
    const { clock, log } = this.#options;
    const { id } = record;
    let ended: JobRecord;
    try {
      await this.#store.save(record);
      ended = { ...(await run.run(signal)), state: 'done' };
    } catch (error) {
      if (signal.aborted) ended = { ...run.kept, state: stateAfter[signal.reason as StopReason] };
      else ended = { ...run.kept, state: 'failed', reason: reasonOf(error) };
    }
    if (isOver(ended.state)) ended = { ...ended, endedAtMs: clock.wallMs() };
    try {
      await this.#keep(ended);
    } finally {
      this.#running.delete(id);
    }
    const { counts, reason, state } = ended;
    if (isOver(state))
      log.info({ job: id, kind: ended.spec.kind, state, ...counts, reason }, 'a job is over');
    if (state === 'done' || state === 'cancelled') await this.#dropManifest(ended);
    this.#next();
  }

  #runDeps(): JobRunDeps {
    const { workers, mounts, pin, free, onKey, clock } = this.#options;
    const { checkpointKeysMax = 1000, checkpointMs = 1000, wait = waitFor } = this.#options;
    const permitsOf = (nodeId: string) => this.#permitsOf(nodeId);
    return {
      ...{ workers, mounts, pin, free, onKey, clock, wait, permitsOf },
      ...{ store: this.#store, manifests: this.manifests, checkpointKeysMax, checkpointMs },
    };
  }

  #permitsOf(nodeId: string): Permits {
    const known = this.#permits.get(nodeId);
    if (known) return known;
    const made = new Permits(() => this.#options.limits().jobConcurrencyPerNodeMax);
    this.#permits.set(nodeId, made);
    return made;
  }

  /** Runs the schedules whose time has come. One whose last run goes on is left out this time. */
  async #runDue(): Promise<void> {
    const nowMs = this.#options.clock.wallMs();
    const due = [...this.#records.values()].filter(
      ({ state, nextRunAtMs = Number.POSITIVE_INFINITY }) => state === 'scheduled' && nextRunAtMs <= nowMs,
    );
    for (const record of due) {
      const { schedule = '', ...spec } = record.spec;
      const runs = [...this.#records.values()].filter(({ scheduledBy }) => scheduledBy === record.id);
      const isFree = runs.every(({ state }) => isOver(state));
      await this.#keep({ ...record, nextRunAtMs: parseCron(schedule).nextAfter(nowMs) });
      if (isFree) await this.create(spec, record.id);
      else this.#options.log.warn({ job: record.id }, 'the last run of a scheduled job goes on');
    }
  }

  async #dropManifest({ id, spec, scheduledBy }: JobRecord): Promise<void> {
    const { manifest } = spec;
    if (manifest === undefined || scheduledBy !== undefined) return;
    const others = [...this.#records.values()].filter(
      (other) => other.id !== id && other.spec.manifest === manifest,
    );
    if (others.every(({ state }) => state === 'done' || state === 'cancelled'))
      await this.manifests.remove(manifest);
  }

  async #forgetOld(): Promise<void> {
    const over = [...this.#records.values()].filter(({ state }) => isOver(state));
    for (const record of JobStore.tooMany(over)) {
      this.#records.delete(record.id);
      await this.#store.remove(record);
    }
  }
}
