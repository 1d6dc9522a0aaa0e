/** One worker process as the owner sees it: started, spoken to, waited for. */
import { type ChildProcess, fork, type Serializable } from 'node:child_process';
import { join } from 'node:path';
import type { MetricValues } from '@forebay/core/metrics';
import type { Undoing } from '../roles/undoing.ts';
import type { ToOwner, ToWorker, WorkerStart } from './messages.ts';
import type { ProcessReport, ReportQuestion } from './reports.ts';

const workerFile = join(import.meta.dirname, 'worker-main.ts');
/** A worker that does not take over a change in this time is ended: nobody may see the registry as it was. */
const viewTimeoutMs = 10_000;
const metricsTimeoutMs = 1_000;
const silentMaxMs = 30_000;

type OnMessage = (message: ToOwner, worker: WorkerHandle) => void;

export interface WorkerKind {
  readonly role: WorkerStart['role'];
  /** A directory of this owner's alone; undefined: nothing is kept for the next start. */
  readonly codeCache: string | undefined;
}

/** Early, so that they load while the owner opens what it keeps. */
export function forkWorkers(count: number, kind: WorkerKind, undoing: Undoing): WorkerHandle[] {
  const forked = Array.from({ length: count }, () => new WorkerHandle(kind));
  undoing.add(() => forked.map((worker) => worker.kill()));
  return forked;
}

export class WorkerHandle {
  readonly #child: ChildProcess;
  readonly #serving = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, (message: ToOwner | undefined) => void>();
  #nextId = 1;
  #values: MetricValues = [];
  #onMessage: OnMessage = () => {};
  #heardMs = 0;
  /** Has been ready for clients. */
  isServing = false;
  /** Resolves with how it ended, for the log. */
  readonly ended: Promise<string>;

  /** It loads its libraries and waits for its start. */
  constructor({ role, codeCache }: WorkerKind) {
    // Signals of the terminal reach the whole group; the owner alone acts on them. Secrets are told later.
    const args = [role, ...(codeCache === undefined ? [] : [codeCache])];
    this.#child = fork(workerFile, args, { serialization: 'advanced' });
    this.ended = endOf(this.#child).then((how) => {
      for (const answer of this.#waiting.values()) answer(undefined);
      this.#serving.reject(new Error(`a worker ended while it started (${how})`));
      return how;
    });
    this.#serving.promise.catch(() => {});
    this.#child.on('message', (message) => this.#take(message as ToOwner));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Rejects where it ends before it serves. */
  get serving(): Promise<void> {
    return this.#serving.promise;
  }

  /** As of the last time that it was asked. */
  get values(): MetricValues {
    return this.#values;
  }

  /** @param onMessage hears what is neither an answer nor the worker's first or last word */
  start(message: WorkerStart, onMessage: OnMessage): void {
    this.#onMessage = onMessage;
    this.send(message);
  }

  send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message as unknown as Serializable, () => {});
  }

  /** Resolves when the view counts in the worker, or there is no worker any more. */
  async update(view: Extract<ToWorker, { kind: 'view' }>['view']): Promise<void> {
    const answered = await this.#ask((id) => ({ kind: 'view', id, view }), viewTimeoutMs);
    if (answered) return;
    this.kill();
    await this.ended;
  }

  /**
   * Asks for the values; where the worker does not answer in time, those of the last time stay. One that has
   * served and is silent for long hangs, and the connections dealt to it with it: it is ended.
   */
  async refresh(): Promise<void> {
    const answered = await this.#ask((id) => ({ kind: 'metrics', id }), metricsTimeoutMs);
    if (answered) this.#heardMs = performance.now();
    else if (this.isServing && performance.now() - this.#heardMs > silentMaxMs) this.kill();
  }

  /** Undefined where there is no answer in time. */
  async report(question: ReportQuestion): Promise<ProcessReport | undefined> {
    const answered = await this.#ask((id) => ({ kind: 'report', id, question }), metricsTimeoutMs);
    return answered?.kind === 'reported' ? answered.report : undefined;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Lets its requests under way end, and the process with them. */
  async drain(deadlineMs: number): Promise<void> {
    this.send({ kind: 'drain', deadlineMs });
    const late = setTimeout(() => this.kill(), deadlineMs + drainGraceMs);
    await this.ended;
    clearTimeout(late);
  }

  #ask(messageOf: (id: number) => ToWorker, timeoutMs: number): Promise<ToOwner | undefined> {
    if (!this.#child.connected) return Promise.resolve(undefined);
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      const late = setTimeout(() => done(undefined), timeoutMs);
      const done = (message: ToOwner | undefined) => {
        clearTimeout(late);
        this.#waiting.delete(id);
        resolve(message);
      };
      this.#waiting.set(id, done);
      this.send(messageOf(id));
    });
  }

  #take(message: ToOwner): void {
    if (message.kind === 'serving') {
      this.isServing = true;
      this.#heardMs = performance.now();
      this.#serving.resolve();
    } else if (message.kind === 'viewed' || message.kind === 'reported')
      this.#waiting.get(message.id)?.(message);
    else if (message.kind === 'metrics') {
      this.#values = message.values;
      this.#waiting.get(message.id)?.(message);
    } else if (message.kind === 'drained') this.#values = message.values;
    else this.#onMessage(message, this);
  }
}

/** How it ended, or why it never began. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `code ${code}`));
    child.on('error', (error) => {
      // Of one that runs: what could not be sent is answered by its end.
      if (child.pid === undefined) resolve(error.message);
    });
  });
}

/** For its last word, after its requests. */
const drainGraceMs = 2_000;
