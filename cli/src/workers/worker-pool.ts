/**
 * The workers of one owner: as many as there should be, each started again when it ends, after a pause that
 * grows while that happens soon.
 */
import type { Log } from '@forebay/core/log';
import {
  countedIn,
  type Metrics,
  type MetricsReading,
  type MetricValues,
  mergedReading,
} from '@forebay/core/metrics';
import { plainViewOf } from '@forebay/core/plain-view';
import type { RegistryView } from '@forebay/core/registry';
import type { ToOwner, WorkerStart } from './messages.ts';
import { declareWorkerMetrics } from './metrics.ts';
import type { ProcessReport, ReportQuestion } from './reports.ts';
import { WorkerHandle, type WorkerKind } from './worker-handle.ts';

export interface WorkerPoolOptions {
  /** The first ones, which have not been told anything yet. */
  readonly forked: readonly WorkerHandle[];
  readonly kind: WorkerKind;
  /** With the view of now. */
  readonly startOf: () => WorkerStart;
  /** Questions and news of a worker. */
  readonly onMessage: (message: ToOwner, worker: WorkerHandle) => void;
  readonly metrics: Metrics;
  readonly log: Log;
}

const restartDelayMinMs = 100;
const restartDelayMaxMs = 10_000;
/** One that served so long did not end because of how it was started. */
const steadyMs = 30_000;
/** What a killed worker counted since the last time is lost. */
const refreshMs = 2_000;
/** Counts of ended workers that are kept one by one. */
const endedMax = 16;

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #workers = new Set<WorkerHandle>();
  readonly #restarts;
  readonly #refreshing: NodeJS.Timeout;
  readonly #delays = new Set<NodeJS.Timeout>();
  /** Of workers that have ended, what they counted. */
  #ended: MetricValues[] = [];
  #isFolding = false;
  #stopping = false;

  private constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#restarts = declareWorkerMetrics(options.metrics, () => this.#workers.size).restarts;
    this.#refreshing = setInterval(() => void this.#refresh(), refreshMs).unref();
  }

  /** Resolves when all of them serve. @throws Error where one cannot start */
  static async start(options: WorkerPoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options);
    try {
      for (const worker of options.forked) pool.#launch(worker, restartDelayMinMs);
      await Promise.all(options.forked.map(({ serving }) => serving));
    } catch (error) {
      await pool.drain(0);
      throw error;
    }
    return pool;
  }

  /** Workers that clients can connect to. */
  get servingCount(): number {
    return [...this.#workers].filter(({ isServing }) => isServing).length;
  }

  /** Resolves when no worker sees the registry as it was before. */
  async update(view: RegistryView): Promise<void> {
    const plain = plainViewOf(view);
    await Promise.all([...this.#workers].map((worker) => worker.update(plain)));
  }

  /** The values of all processes together, this one included. */
  async read(): Promise<MetricsReading> {
    await this.#refresh();
    const own = await this.#options.metrics.values();
    // In one tick: a worker that ends changes from the ones to the others.
    const ofWorkers = [...this.#workers].map(({ values }) => values);
    return mergedReading([own, ...this.#ended, ...ofWorkers]);
  }

  /** Of those that answer in time. */
  async report(question: ReportQuestion): Promise<ProcessReport[]> {
    const reports = await Promise.all([...this.#workers].map((worker) => worker.report(question)));
    return reports.filter((report) => report !== undefined);
  }

  /** Lets all requests under way end, for at most `deadlineMs`, and the workers with them. */
  async drain(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#refreshing);
    for (const delay of this.#delays) clearTimeout(delay);
    await Promise.all([...this.#workers].map((worker) => worker.drain(deadlineMs)));
  }

  async #refresh(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.refresh()));
  }

  async #foldEnded(): Promise<void> {
    this.#isFolding = true;
    const folding = [...this.#ended];
    const folded = await mergedReading(folding).values();
    this.#ended = [folded, ...this.#ended.filter((values) => !folding.includes(values))];
    this.#isFolding = false;
  }

  #launch(worker: WorkerHandle, delayMs: number): void {
    const { startOf, onMessage } = this.#options;
    this.#workers.add(worker);
    const startedMs = performance.now();
    worker.start(startOf(), onMessage);
    void worker.ended.then((how) => this.#onEnded(worker, how, { delayMs, startedMs }));
  }

  #onEnded(
    worker: WorkerHandle,
    how: string,
    { delayMs, startedMs }: { readonly delayMs: number; readonly startedMs: number },
  ): void {
    this.#workers.delete(worker);
    this.#ended.push(countedIn(worker.values));
    if (this.#ended.length > endedMax && !this.#isFolding) void this.#foldEnded();
    if (this.#stopping) return;
    const wasSteady = performance.now() - startedMs > steadyMs;
    const afterMs = wasSteady ? restartDelayMinMs : delayMs;
    this.#options.log.error({ pid: worker.pid, how, afterMs }, 'a worker ended: it is started again');
    this.#startAgain(afterMs);
  }

  #startAgain(afterMs: number): void {
    const nextMs = Math.min(2 * afterMs, restartDelayMaxMs);
    const delay = setTimeout(() => {
      this.#delays.delete(delay);
      this.#restarts.inc();
      try {
        this.#launch(new WorkerHandle(this.#options.kind), nextMs);
      } catch (error) {
        // No memory for a process: the others serve meanwhile.
        this.#options.log.error({ reason: String(error), afterMs: nextMs }, 'no worker can be started');
        this.#startAgain(nextMs);
      }
    }, afterMs);
    this.#delays.add(delay);
  }
}
